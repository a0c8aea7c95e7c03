/** Where a message is now, asked of the folders themselves. */
import { STATES, type Place, type State } from '../core/message.js';
import { idOf } from '../format/id-of.js';
import { readRegular } from '../store/durable.js';
import { listMailboxes, listState, statMessage } from '../store/list.js';
import { messagePath } from '../store/paths.js';

/** Files larger than a message and all its output are none of ours. */
export const MAX_FILE_BYTES = 256 * 1024 * 1024;

export function readPlace(root: string, place: Place, max = MAX_FILE_BYTES): Buffer | undefined {
  try {
    return readRegular(messagePath(root, place), max)?.bytes;
  } catch {
    return undefined;
  }
}

/**
 * Finds the message `id` that is no longer at `last`: first by its file's name in every other folder, then by what
 * the files changed since `since` (ms since 1970) say. Undefined when it was deleted.
 */
export function locateMessage(
  root: string,
  id: string,
  last: Place,
  since: number,
  isExcepted: (place: Place) => boolean = () => false,
): Place | undefined {
  const folders: { mailbox: string; state: State }[] = [];
  const mailboxes = listMailboxes(root);
  for (const mailbox of [last.mailbox, ...mailboxes.filter((name) => name !== last.mailbox)]) {
    if (!mailboxes.includes(mailbox)) continue;
    for (const state of STATES) folders.push({ mailbox, state });
  }
  const has = (place: Place): boolean => {
    if (isExcepted(place)) return false;
    const bytes = readPlace(root, place);
    return bytes !== undefined && idOf(bytes) === id;
  };
  const base = last.name.split('/').at(-1) ?? last.name;
  for (const folder of folders) {
    const place = { ...folder, name: base };
    if (has(place)) return place;
  }
  for (const folder of folders) {
    for (const name of listState(root, folder.mailbox, folder.state)) {
      const place = { ...folder, name };
      // a move changes the ctime, so that old files need not be opened
      if (name !== base && Number(statMessage(root, place)?.ctimeMs ?? 0) >= since && has(place)) return place;
    }
  }
  return undefined;
}
