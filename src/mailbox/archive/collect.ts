/** Which finished messages are old enough to be archived, with the files attached to them. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { MailboxError } from '../../core/errors.js';
import type { Place } from '../../core/message.js';
import { listMailboxes, listState } from '../../store/list.js';
import { attachmentsDir } from '../../store/paths.js';
import { MAX_FILE_BYTES, readPlace } from '../locate.js';
import { parseArchivedPath, pathOfPlace } from './archive-path.js';
import { readFinishedHead } from './ended-at.js';

export interface OldMessage {
  place: Place;
  /** Below the root, with `/`. */
  path: string;
  id: string | undefined;
  /** ms since 1970. */
  ended: number;
  /** Paths of files below the root. */
  attachments: string[];
}

/** What stays where it is, and why. */
export interface Left {
  path: string;
  reason: string;
}

const SLICE = 100;

/** Finished messages that ended before `limit` (ms since 1970), the oldest first. Throws `not_found` for an unknown mailbox. */
export async function collectOld(
  root: string,
  limit: number,
  mailbox: string | undefined,
): Promise<{ old: OldMessage[]; left: Left[] }> {
  const mailboxes = listMailboxes(root);
  if (mailbox !== undefined && !mailboxes.includes(mailbox)) {
    throw new MailboxError('not_found', `there is no mailbox ${JSON.stringify(mailbox.slice(0, 80))}`, {
      hint: `there are: ${mailboxes.join(', ') || 'none'}`,
    });
  }
  const old: OldMessage[] = [];
  const left: Left[] = [];
  let looked = 0;
  for (const box of mailbox === undefined ? mailboxes : [mailbox]) {
    for (const state of ['complete', 'failed'] as const) {
      for (const name of listState(root, box, state)) {
        looked += 1;
        if (looked % SLICE === 0) await breathe();
        const place = { mailbox: box, state, name };
        const bytes = readPlace(root, place);
        const head = bytes && readFinishedHead(bytes, name);
        if (!head || head.ended === undefined || head.ended >= limit) continue;
        const path = pathOfPlace(place);
        const attached = head.id === undefined ? [] : attachmentsOf(root, head.id);
        const reason = whyNot(path, head.isClaimed, attached);
        if (reason !== undefined) left.push({ path, reason });
        else old.push({ place, path, id: head.id, ended: head.ended, attachments: attached as string[] });
      }
    }
  }
  old.sort((a, b) => a.ended - b.ended || (a.path < b.path ? -1 : 1));
  return { old, left };
}

function whyNot(path: string, isClaimed: boolean, attached: string[] | string): string | undefined {
  if (isClaimed) return 'a claim stands in it';
  if (parseArchivedPath(path) === undefined) return 'its name is not one that an archive may hold: rename it';
  return typeof attached === 'string' ? attached : undefined;
}

/** The files attached to a message, or why they cannot be archived. */
function attachmentsOf(root: string, id: string): string[] | string {
  const found: string[] = [];
  const pending = [`attachments/${id}`];
  if (!isFolder(attachmentsDir(root, id))) return found;
  for (let dir = pending.pop(); dir !== undefined; dir = pending.pop()) {
    for (const entry of readdirSync(join(root, dir), { withFileTypes: true })) {
      const path = `${dir}/${entry.name}`;
      if (entry.isDirectory()) pending.push(path);
      else if (!entry.isFile()) return `${path} is no regular file`;
      else if (parseArchivedPath(path) === undefined) return `${path} has a name that an archive may not hold`;
      else if (lstatSync(join(root, path)).size > MAX_FILE_BYTES)
        return `${path} is larger than ${MAX_FILE_BYTES} bytes`;
      else found.push(path);
    }
  }
  return found.toSorted();
}

function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
