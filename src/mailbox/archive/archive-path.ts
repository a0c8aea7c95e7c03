/** What an archive may hold: finished messages and attachments, by paths that mean the same on every system. */
import type { Place } from '../../core/message.js';
import { isMailboxName, isMessageFileName, isMessageId } from '../../core/names.js';
import { isSyncedName } from '../../git/synced-paths.js';

export type ArchivedPath = { kind: 'message'; place: Place } | { kind: 'attachment'; id: string };

/** Deepest path below attachments/<id>/, folders and file name together. */
const DEEPEST = 6;

function isPlain(name: string): boolean {
  return isSyncedName(name) && !name.startsWith('.');
}

/** The message or attachment at a path (with `/`, relative to the root); undefined where no archive may hold a file. */
export function parseArchivedPath(path: string): ArchivedPath | undefined {
  const parts = path.split('/');
  const [top, owner = '', state, ...rest] = parts;
  if (top === 'attachments') {
    const names = parts.slice(2);
    const isFine = isMessageId(owner) && names.length > 0 && names.length <= DEEPEST && names.every(isPlain);
    return isFine ? { kind: 'attachment', id: owner } : undefined;
  }
  if (top !== 'mailboxes' || !isMailboxName(owner) || (state !== 'complete' && state !== 'failed')) return undefined;
  const name = rest.at(-1) ?? '';
  if (rest.length === 2 ? !isMonth(rest[0] ?? '') : rest.length !== 1) return undefined;
  if (!isMessageFileName(name) || !isPlain(name)) return undefined;
  return { kind: 'message', place: { mailbox: owner, state, name: rest.join('/') } };
}

/** Whether a file below this folder could be one that an archive may hold. */
export function isArchivedFolder(path: string): boolean {
  const [top, ...rest] = path.split('/');
  if (rest.length === 0) return top === 'mailboxes' || top === 'attachments';
  const example = { mailboxes: ['m', 'complete', '2000-01'], attachments: ['a'] }[top ?? ''];
  const more = example?.slice(rest.length) ?? [];
  return parseArchivedPath([top, ...rest, ...more, 'x.md'].join('/')) !== undefined;
}

function isMonth(name: string): boolean {
  return /^\d{4}-\d{2}$/.test(name);
}

export function pathOfPlace(place: Place): string {
  return `mailboxes/${place.mailbox}/${place.state}/${place.name}`;
}
