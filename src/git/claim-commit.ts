/**
 * A claim as it travels: a commit without parents whose message says who claims what, with trailers that a program can
 * read. A done claim carries the result in its tree, for anyone to fold into main.
 */
import { MailboxError } from '../core/errors.js';
import { isMessageId } from '../core/names.js';
import { randomBytes } from 'node:crypto';
import type { Objects } from './objects.js';
import { isSyncedPath } from './synced-paths.js';

export interface GitClaim {
  /** What it is claimed under (ref-names.ts). */
  key: string;
  /** The message's id; undefined until it has one. */
  id: string | undefined;
  host: string;
  /** `<mailbox>@<host id>`. */
  worker: string;
  epoch: number;
  /** Workers that were cut off with it since it was last published. */
  crashes: number;
  /** ms. */
  lease: number;
  /** Where main showed it, and its blob there, when it was claimed. */
  path: string;
  blob: string;
  /** How main shows it in `in_progress/`, where it does. */
  shown?: { path: string; blob: string };
  /** What became of it, once it is done. `to` undefined: it was deleted. */
  done?: { to: { path: string; blob: string } | undefined };
}

const EMPTY = '(none)';

/** Writes the claim; every one is a new object, for it carries a nonce. */
export async function writeClaim(
  objects: Objects,
  claim: GitClaim,
  by: { identity: string; now: number },
): Promise<string> {
  const trailers: [string, string | number][] = [
    ['Key', claim.key],
    ['Id', claim.id ?? EMPTY],
    ['Host', claim.host],
    ['Worker', claim.worker],
    ['Epoch', claim.epoch],
    ['Crashes', claim.crashes],
    ['Lease', `${Math.round(claim.lease)}ms`],
    ['Path', encodeURI(claim.path)],
    ['Blob', claim.blob],
    ['Nonce', randomBytes(12).toString('hex')],
  ];
  if (claim.shown) trailers.push(['Shown-Path', encodeURI(claim.shown.path)], ['Shown-Blob', claim.shown.blob]);
  if (claim.done) trailers.push(['Result-Path', claim.done.to ? encodeURI(claim.done.to.path) : EMPTY]);
  const mailbox = claim.worker.split('@')[0] ?? '';
  const title = `${claim.done ? 'done' : 'claim'} ${mailbox}: ${claim.path.split('/').at(-1)?.replace(/\s+/g, ' ')}`;
  const message = `${title}\n\n${trailers.map(([name, value]) => `Mailboxd-${name}: ${value}`).join('\n')}\n`;
  const entries = claim.done?.to ? [['result', { mode: '100644', oid: claim.done.to.blob }] as const] : [];
  const tree = await objects.writeTree(entries);
  return objects.writeCommit({ tree, parents: [], message, identity: by.identity, time: by.now / 1000 });
}

/**
 * Reads a claim, which must be the one of `key`. Throws `invalid` for what is none: anyone who may push can put anything there.
 */
export async function readClaim(objects: Objects, oid: string, key?: string): Promise<GitClaim> {
  const { message, tree } = await objects.readCommit(oid);
  const fields = readTrailers(message);
  const number = (name: string): number => {
    const value = Number.parseInt(fields.get(name) ?? '', 10);
    if (Number.isSafeInteger(value) && value >= 0 && value < 1e9) return value;
    throw new MailboxError('invalid', `found the claim ${oid} with ${name} ${JSON.stringify(fields.get(name))}`);
  };
  const text = (name: string): string => fields.get(name) ?? '';
  const id = text('Id');
  const must = (isRight: boolean, name: string): void => {
    if (isRight) return;
    const found = JSON.stringify(text(name).slice(0, 100));
    throw new MailboxError('invalid', `found the claim ${oid.slice(0, 12)} with ${name} ${found}`);
  };
  must(key === undefined || text('Key') === key, 'Key');
  must(isBlob(text('Blob')), 'Blob');
  must(text('Worker') !== '' && text('Worker').length < 200, 'Worker');
  for (const name of ['Path', 'Shown-Path', 'Result-Path'])
    must((name !== 'Path' && !fields.has(name)) || text(name) === EMPTY || isPlace(decode(text(name))), name);
  must(!fields.has('Shown-Path') || isBlob(text('Shown-Blob')), 'Shown-Blob');
  const claim: GitClaim = {
    key: text('Key'),
    id: isMessageId(id) ? id : undefined,
    host: text('Host'),
    worker: text('Worker'),
    epoch: number('Epoch'),
    crashes: number('Crashes'),
    lease: number('Lease'),
    path: decode(text('Path')),
    blob: text('Blob'),
  };
  if (fields.has('Shown-Blob')) claim.shown = { path: decode(text('Shown-Path')), blob: text('Shown-Blob') };
  const result = fields.get('Result-Path');
  if (result === undefined) return claim;
  const blob = (await objects.readTree(tree)).get('result')?.oid;
  return {
    ...claim,
    done: { to: result === EMPTY || blob === undefined ? undefined : { path: decode(result), blob } },
  };
}

function isBlob(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text);
}

/** Whether a message can lie there. */
function isPlace(path: string): boolean {
  return (
    isSyncedPath(path) && /^mailboxes\/[^/]+\/(inbox|in_progress|complete|failed)\/(\d{4}-\d{2}\/)?[^/]+$/.test(path)
  );
}

function decode(text: string): string {
  try {
    return decodeURI(text);
  } catch {
    throw new MailboxError('invalid', `found the path ${JSON.stringify(text.slice(0, 100))} in a claim`);
  }
}

/** The `Mailboxd-<name>: <value>` lines of a commit message. */
export function readTrailers(message: string): Map<string, string> {
  return new Map(
    [...message.matchAll(/^Mailboxd-([A-Za-z-]+): (.*)$/gm)].map((match) => [match[1] ?? '', match[2] ?? '']),
  );
}
