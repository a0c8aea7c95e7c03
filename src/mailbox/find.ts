/** From what a person calls a message to the message: an id, the unique beginning of one, or a file's path. */
import { existsSync, lstatSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import type { Catalog, CatalogRecord } from '../catalog/index.js';
import type { Clock } from '../core/clock.js';
import { MailboxError } from '../core/errors.js';
import { STATES, type Place } from '../core/message.js';
import { isMailboxName, isMessageFileName } from '../core/names.js';
import { mailboxesDir, messagePath } from '../store/paths.js';
import type { Root } from './root.js';

/** What every operation of the façade is given. */
export interface Desk {
  root: Root;
  clock: Clock;
  catalog: Catalog;
  /** This process, with its start time. */
  who: string;
}

/** The place that a path names, relative to the current directory, to the root or to `mailboxes/`; undefined for anything else. */
export function placeOfPath(root: string, path: string): Place | undefined {
  for (const base of [process.cwd(), root, mailboxesDir(root)]) {
    const full = resolve(base, path);
    const parts = relative(mailboxesDir(root), full).split(sep);
    const [mailbox, state, ...rest] = parts;
    const known = STATES.find((item) => item === state);
    if (mailbox && known && isMailboxName(mailbox) && isMessagePath(rest) && isFile(full)) {
      return { mailbox, state: known, name: rest.join('/') };
    }
  }
  return undefined;
}

/** `x.md` or `2026-11/x.md`: never a note beside the messages, nor a file that a worker holds. */
function isMessagePath(parts: readonly string[]): boolean {
  const folders = parts.slice(0, -1);
  return isMessageFileName(parts.at(-1) ?? '') && folders.length <= 1 && !folders.some((name) => name.startsWith('.'));
}

function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** Throws `not_found` or `ambiguous`, with what there is. The catalog must be in line with the folders. */
export function resolveReference(desk: Desk, reference: string): CatalogRecord {
  const place = /[/\\]|\.md$/.test(reference) ? placeOfPath(desk.root.dir, reference) : undefined;
  if (place) {
    const record = desk.catalog.refresh(place);
    if (record) return record;
  }
  const found = desk.catalog.findById(reference, 6).filter((record) => existsSync(messagePath(desk.root.dir, record)));
  const exact = found.filter((record) => record.id === reference);
  const [first, second] = exact.length > 0 ? exact : found;
  if (!first) {
    throw new MailboxError('not_found', `found no message ${JSON.stringify(reference.slice(0, 80))}`, {
      hint: '`mailboxd list` shows the messages there are, with their ids',
    });
  }
  if (second && exact.length === 0) {
    throw new MailboxError(
      'ambiguous',
      `${JSON.stringify(reference)} is the beginning of ${found.length > 5 ? 'more than 5' : found.length} ids`,
      {
        hint: `give more of it: ${found
          .slice(0, 4)
          .map((record) => record.id)
          .join(', ')}`,
      },
    );
  }
  return first;
}

/** `server/inbox/x.md`, for messages to a person. */
export function nameOf(place: Place): string {
  return `${place.mailbox}/${place.state}/${place.name}`;
}
