/**
 * Rewriting and moving a message that a person may touch at the same time.
 *
 * The new content is written, synced and linked at its target first; only then is the old file taken away, by rename
 * into a hidden name, and looked at once more: when it is not what the new content was made from, the content is made
 * again from what was really there. A crash between the two leaves the old file beside the new one, which recovery
 * recognises by id and claim. At no moment is the message, or a person's edit of it, nowhere.
 */
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { MailboxError, systemCode } from '../core/errors.js';
import type { Place } from '../core/message.js';
import { diskFault, linkUnique, randomSuffix, readRegular, removeQuietly, sameStamp, stampOf, syncFolder, writeTemp } from './durable.js';
import { messagePath, stateDir } from './paths.js';

export const OLD_PREFIX = '.old~';

/**
 * Gives the message at `from` new content, made by `build` from what it has now, at `to` (the same place for a
 * rewrite). Returns where it came to stand; undefined when it is not at `from` any more.
 */
export async function settleMessage(
  root: string,
  from: Place,
  to: Omit<Place, 'name'>,
  maxBytes: number,
  build: (bytes: Buffer) => string | Uint8Array,
): Promise<Place | undefined> {
  const source = messagePath(root, from);
  const target = stateDir(root, to.mailbox, to.state);
  const samePlace = to.mailbox === from.mailbox && to.state === from.state;
  const read = readRegular(source, maxBytes);
  if (!read) return undefined;
  let basis = read;
  let temp = await writeTemp(target, build(basis.bytes), basis.mode);
  const old = join(target, `${OLD_PREFIX}${process.pid}~${randomSuffix()}`);
  let name: string | undefined;
  try {
    if (samePlace) {
      if (!takeAway(source, old)) return undefined;
    } else {
      name = linkUnique(temp, target, fileName(from));
      await syncFolder(target);
      if (!takeAway(source, old)) {
        // A person moved or deleted it in this moment: their place stands, and our new file is not wanted here.
        removeQuietly(join(target, name));
        return undefined;
      }
    }
    if (!sameStamp(stampOf(old), basis.stamp)) {
      basis = readRegular(old, maxBytes) ?? basis;
      const again = await writeTemp(target, build(basis.bytes), basis.mode);
      removeQuietly(temp);
      temp = again;
      if (name !== undefined) renameSync(temp, join(target, name));
    }
    if (samePlace) name = linkUnique(temp, target, fileName(from));
    removeQuietly(old);
    if (samePlace) await syncFolder(target);
  } catch (error) {
    throw diskFault(error, `writing ${from.mailbox}/${from.state}/${from.name}`);
  } finally {
    removeQuietly(temp);
  }
  return name === undefined ? undefined : { ...to, name };
}

function fileName(place: Place): string {
  return place.name.split('/').at(-1) ?? place.name;
}

function takeAway(path: string, to: string): boolean {
  try {
    renameSync(path, to);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw diskFault(error, `moving ${path}`);
  }
}

/**
 * Moves a message as it is to another folder, never over another file. Undefined when it is not there any more.
 * Of two movers one wins: the take is a rename to a hidden name.
 */
export async function moveMessage(root: string, from: Place, to: Omit<Place, 'name'>): Promise<Place | undefined> {
  const target = stateDir(root, to.mailbox, to.state);
  const source = messagePath(root, from);
  if (to.mailbox === from.mailbox && to.state === from.state) return from;
  // link first: the message is never nowhere, and a name that is taken is refused instead of overwritten
  let name: string;
  try {
    name = linkUnique(source, target, fileName(from));
  } catch (error) {
    if (error instanceof MailboxError && systemCode(error.cause) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const linked = stampOf(join(target, name));
    const now = stampOf(source);
    if (now === undefined) {
      // Somebody else took it between the link and now: theirs is the move that counts.
      removeQuietly(join(target, name));
      return undefined;
    }
    if (now.ino === linked?.ino) removeQuietly(source);
    await syncFolder(target);
  } catch (error) {
    throw diskFault(error, `moving ${from.mailbox}/${from.state}/${from.name}`);
  }
  return { ...to, name };
}
