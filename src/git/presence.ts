/**
 * A host's heartbeat: `<space>/presence/<host>` points to a commit without parents and with an empty tree, whose message
 * is a title for people and one line of JSON for programs. Each beat replaces it. What another host wrote there is
 * untrusted: it is only shown, and only when every field is what it should be.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { MailboxError } from '../core/errors.js';
import { isMailboxName, isMessageId } from '../core/names.js';
import type { ExchangeState } from './exchange/state.js';
import { refOf, SPACES } from './ref-names.js';
import { openRemote, type RefFate } from './remote.js';
import { BRANCH } from './repository.js';

export interface RunningHere {
  /** Message id. */
  id: string;
  mailbox: string;
  /** RFC 3339 time. */
  since: string;
}

export interface Presence {
  /** Host id. */
  host: string;
  /** `as` of its configuration; undefined where it names none. */
  instance: string | undefined;
  /** Of the package. */
  version: string;
  /** Mailboxes it serves. */
  mailboxes: string[];
  runner: string;
  running: RunningHere[];
  /** Mailbox → tasks that wait there, as that host sees them. */
  queue: Record<string, number>;
  /** Load average of the last minute. */
  load: number;
  pid: number;
  /** RFC 3339 time at which its daemon started. */
  started: string;
  /** How long until the next beat, ms. */
  interval: number;
  /** Made anew at each start of a daemon: two that beat by turns are two roots with one host id. */
  nonce: string;
  /** Counts the beats since `started`, so that each is another object even where a clock stands still. */
  beat: number;
  /** RFC 3339 time by that host's own clock; only to show, or where nothing better is known. */
  at: string;
}

/** Longest commit message that is read, bytes. */
export const LONGEST_PRESENCE = 64 * 1024;
/** Most entries of a list that are told, so that the message stays well below that. */
const MOST = 200;
const LONGEST_INTERVAL = 30 * 86_400_000;

export function formatPresence(presence: Presence): string {
  const { host, mailboxes, running, queue } = presence;
  const waiting = Object.values(queue).reduce((sum, count) => sum + count, 0);
  const told = {
    ...presence,
    mailboxes: mailboxes.slice(0, MOST),
    running: running.slice(0, MOST),
    queue: Object.fromEntries(Object.entries(queue).slice(0, MOST)),
  };
  return `presence ${host}: ${running.length} running, ${waiting} waiting\n\n${JSON.stringify(told)}\n`;
}

/** Reads what stands at the ref of `host`. Throws `invalid` for what no mailboxd has written. */
export function parsePresence(message: string, host: string): Presence {
  const bad = (what: string): MailboxError =>
    new MailboxError('invalid', `found a presence of ${JSON.stringify(host.slice(0, 80))} ${what}`);
  if (message.length > LONGEST_PRESENCE) throw bad(`of ${message.length} characters, expected at most 64 Ki`);
  let value: unknown;
  try {
    value = JSON.parse(message.slice(message.indexOf('\n\n') + 2));
  } catch {
    throw bad('without its line of JSON');
  }
  if (!isRecord(value)) throw bad('that is no object');
  const fields = value;
  const wrong = (name: string): MailboxError =>
    bad(`with ${name} ${(JSON.stringify(fields[name]) ?? 'missing').slice(0, 80)}`);
  const text = (name: string): string => {
    const found = fields[name];
    if (typeof found === 'string' && found.length > 0 && found.length <= 128) return found;
    throw wrong(name);
  };
  const time = (name: string): string => {
    const found = text(name);
    if (isTime(found)) return found;
    throw wrong(name);
  };
  const number = (name: string, most: number): number => {
    const found = fields[name];
    if (typeof found === 'number' && found >= 0 && found <= most) return found;
    throw wrong(name);
  };
  const list = <T>(name: string, read: (item: unknown) => T | undefined): T[] => {
    const found = fields[name];
    if (!Array.isArray(found) || found.length > MOST) throw wrong(name);
    return found.map((item) => {
      const one = read(item);
      if (one === undefined) throw wrong(name);
      return one;
    });
  };
  const readQueue = (): Record<string, number> => {
    const found = fields['queue'];
    if (!isRecord(found)) throw wrong('queue');
    const entries = Object.entries(found).map(([mailbox, count]): [string, number] => {
      if (!isMailboxName(mailbox) || typeof count !== 'number' || !Number.isSafeInteger(count) || count < 0)
        throw wrong('queue');
      return [mailbox, count];
    });
    if (entries.length > MOST) throw wrong('queue');
    return Object.fromEntries(entries);
  };
  if (fields['host'] !== host) throw wrong('host');
  return {
    host,
    instance: fields['instance'] === undefined ? undefined : text('instance'),
    version: text('version'),
    mailboxes: list('mailboxes', readMailbox),
    runner: text('runner'),
    running: list('running', readRunning),
    queue: readQueue(),
    load: number('load', 1e6),
    pid: number('pid', 2 ** 32),
    started: time('started'),
    interval: Math.max(1, number('interval', LONGEST_INTERVAL)),
    nonce: text('nonce'),
    beat: number('beat', Number.MAX_SAFE_INTEGER),
    at: time('at'),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 40 && /^\d{4}-/.test(value) && !Number.isNaN(Date.parse(value));
}

function readMailbox(value: unknown): string | undefined {
  return typeof value === 'string' && isMailboxName(value) ? value : undefined;
}

function readRunning(value: unknown): RunningHere | undefined {
  if (!isRecord(value)) return undefined;
  const { id, mailbox, since } = value;
  if (typeof id !== 'string' || !isMessageId(id) || !isTime(since)) return undefined;
  const box = readMailbox(mailbox);
  return box === undefined ? undefined : { id, mailbox: box, since };
}

/** `refused`: the ref was not what it should have been. `unknown`: the remote could not be asked, or takes none. */
export type PresenceOutcome =
  | { kind: 'ok'; oid: string }
  | { kind: 'refused' }
  | { kind: 'unknown'; problem: MailboxError };

/** Replaces what stands there; with `from`, only that object. A failed push is told, not thrown: presence is derived. */
export async function writePresence(state: ExchangeState, presence: Presence, from = 'any'): Promise<PresenceOutcome> {
  const { objects, identity, gitDir } = state.repository;
  const oid = await objects.writeCommit({
    tree: await objects.writeTree([]),
    parents: [],
    message: formatPresence(presence),
    identity,
    time: state.instant().wall / 1000,
  });
  try {
    const first = await pushPresence(state, presence.host, from, oid);
    const [usual, other] = SPACES;
    if (first !== 'declined' || state.remote.space !== usual) return outcomeOf(first, oid);
    // The remote takes nothing outside `refs/heads`: the same below that, from now on.
    state.remote.space = other;
    const second = await pushPresence(state, presence.host, 'any', oid);
    if (second !== 'ok') state.remote.space = usual;
    return outcomeOf(second, oid);
  } finally {
    // Nothing here refers to it, and a day of heartbeats would leave thousands of files.
    rmSync(join(gitDir, 'objects', oid.slice(0, 2), oid.slice(2)), { force: true });
  }
}

/** At a clean stop: what this host wrote last is taken away, and nothing that another wrote since. */
export async function removePresence(state: ExchangeState, host: string, oid: string): Promise<PresenceOutcome> {
  return outcomeOf(await pushPresence(state, host, oid, null), oid);
}

async function pushPresence(
  { repository, remote }: ExchangeState,
  host: string,
  from: string,
  to: string | null,
): Promise<RefFate | MailboxError> {
  const ref = refOf(remote.space, 'presence', host);
  // By a hand of its own: a push through the exchange's makes its next look read every ref anew, as if there were news.
  const own = openRemote(repository.dir, remote.url, BRANCH, remote.space);
  const result = await own.push([{ ref, from, to }]);
  return result.kind === 'known' ? (result.fates.get(ref) ?? 'refused') : result.problem;
}

function outcomeOf(fate: RefFate | MailboxError, oid: string): PresenceOutcome {
  if (fate instanceof MailboxError) return { kind: 'unknown', problem: fate };
  if (fate === 'ok') return { kind: 'ok', oid };
  if (fate === 'refused') return { kind: 'refused' };
  return { kind: 'unknown', problem: new MailboxError('refused', 'the remote takes no refs for presence') };
}
