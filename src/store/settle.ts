/**
 * Rewriting and moving a message that a person may touch at the same time.
 *
 * The new content is written, synced and linked at its target first; only then is the old file taken away, by rename
 * into a hidden name, and looked at once more: when it is not what the new content was made from, the content is made
 * again from what was really there. (A rewrite in place, and a message that others may claim from the inbox meanwhile,
 * are taken away first.) A crash in between leaves both, or a hidden file that names its successor (recover.ts). At no
 * moment is the message, or a person's edit of it, nowhere.
 */
import { closeSync, fstatSync, openSync, readFileSync, renameSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { MailboxError, systemCode } from '../core/errors.js';
import type { Place } from '../core/message.js';
import { renamedFor } from '../core/names.js';
import { faultPoint, reversed } from './fault-points.js';
import { END_PREFIX, formatSuccessor, hiddenName, inUse, MOVE_PREFIX } from './hidden.js';
import {
  diskFault,
  linkUnique,
  mustBeFolder,
  randomSuffix,
  readRegular,
  removeQuietly,
  removeSoon,
  sameStamp,
  stampOf,
  syncFolder,
  writeTemp,
  type Stamp,
} from './durable.js';
import { messagePath, stateDir } from './paths.js';

/**
 * Gives the message at `from` new content, made by `build` from what it has now, at `to` (the same place for a
 * rewrite). Returns where it came to stand; undefined when it is not at `from` any more.
 */
export async function settleMessage(
  root: string,
  from: Place,
  to: Omit<Place, 'name'>,
  who: string,
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
  // From the inbox it is taken under a name that leads back there.
  const isWaiting = from.state === 'inbox' && !samePlace;
  const hiddenDir = isWaiting ? stateDir(root, to.mailbox, 'in_progress') : target;
  const hiddenPath = (): string => {
    const successor = formatSuccessor({ ...basis.stamp, ino: stampOf(temp)?.ino ?? 0n });
    return join(hiddenDir, hiddenName(`${isWaiting ? END_PREFIX : MOVE_PREFIX}${who}~${successor}~`, fileName(from)));
  };
  let old = hiddenPath();
  let isTaken = false;
  /** The new content, as it stands under the temporary name and then under its own. */
  let written = stampOf(temp);
  inUse.add(old);
  let name: string | undefined;
  let isTidy = false;
  /** Makes the content again where the old file is not what it was made from. */
  const takeIn = async (): Promise<void> => {
    if (sameStamp(stampOf(old), basis.stamp)) return;
    const edited = readRegular(old, maxBytes) ?? basis;
    const again = await rebuild(target, edited, build);
    if (again === undefined) {
      // Their edit cannot be brought together with the new content: it stands beside it.
      linkUnique(old, target, renamedFor(fileName(from), 'edited'));
      basis = edited;
    } else {
      const before = temp;
      const wasOurs = name !== undefined && sameStamp(stampOf(join(target, name)), written);
      basis = edited;
      temp = again;
      written = stampOf(temp);
      const next = hiddenPath();
      renameSync(old, next);
      inUse.delete(old);
      inUse.add(next);
      old = next;
      if (name !== undefined && wasOurs) renameSync(temp, join(target, name));
      else if (name !== undefined) name = linkUnique(temp, target, name);
      removeQuietly(before);
    }
  };
  try {
    if (samePlace || isWaiting) {
      mustBeFolder(hiddenDir);
      if (!takeAway(source, old)) return undefined;
      isTaken = true;
    } else if (reversed === 'unlink-before-link') {
      removeQuietly(source);
      faultPoint?.('result written');
      await syncFolder(target);
      faultPoint?.('before the move');
      return { ...to, name: linkUnique(temp, target, fileName(from)) };
    } else {
      name = linkUnique(temp, target, fileName(from));
      faultPoint?.('result written');
      await syncFolder(target);
      faultPoint?.('before the move');
      if (!takeAway(source, old)) {
        // A person moved or deleted it in this moment: their place stands, and our new file is not wanted here.
        removeQuietly(join(target, name));
        return undefined;
      }
    }
    faultPoint?.('after the move');
    await takeIn();
    if (name === undefined) {
      name = linkUnique(temp, target, fileName(from));
      await syncFolder(target);
    } else {
      await new Promise((resolve) => setImmediate(resolve));
    }
    // Once more: somebody may have had it open, to write in that moment. It is held open until it is gone, so that
    // what is written even then is seen.
    await takeIn();
    const last = openSync(old, 'r');
    try {
      await Promise.all([removeSoon(old), removeSoon(temp)]);
      isTidy = true;
      await keepLateEdit(last, basis.stamp, target, fileName(from));
    } finally {
      closeSync(last);
    }
  } catch (error) {
    // Nothing has taken its place yet: it goes back.
    if (isTaken && name === undefined) giveBack(old, source);
    else if (name !== undefined) undoLink(source, join(target, name), written);
    throw diskFault(error, `writing ${from.mailbox}/${from.state}/${from.name}`);
  } finally {
    inUse.delete(old);
    if (!isTidy) removeQuietly(temp);
  }
  return { ...to, name };
}

/** A temporary file with the content made from `edited`; undefined where it cannot be made. */
async function rebuild(
  dir: string,
  edited: { bytes: Buffer; mode: number },
  build: (bytes: Buffer) => string | Uint8Array,
): Promise<string | undefined> {
  let content: string | Uint8Array;
  try {
    content = build(edited.bytes);
  } catch (error) {
    if (error instanceof MailboxError && error.code === 'invalid') return undefined;
    throw error;
  }
  return writeTemp(dir, content, edited.mode);
}

function fileName(place: Place): string {
  return place.name.split('/').at(-1) ?? place.name;
}

/** Places what was written into a file between our last look and its removal beside the message. */
async function keepLateEdit(file: number, known: Stamp, dir: string, name: string): Promise<void> {
  const now = fstatSync(file, { bigint: true });
  if (now.size === known.size && now.mtimeNs === known.mtimeNs) return;
  const late = await writeTemp(dir, readFileSync(file));
  linkUnique(late, dir, renamedFor(name, 'edited'));
  removeQuietly(late);
}

/** The old file could not be taken away: the new one must not stand beside it, or a repeat would make a second. */
function undoLink(source: string, linked: string, written: Stamp | undefined): void {
  try {
    if (stampOf(source) !== undefined && sameStamp(stampOf(linked), written)) removeQuietly(linked);
  } catch {
    // Recovery knows it by its inode.
  }
}

function giveBack(hidden: string, source: string): void {
  try {
    linkUnique(hidden, dirname(source), basename(source));
    removeQuietly(hidden);
  } catch {
    // Recovery finds the hidden file and puts it back.
  }
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
 * Moves a message as it is to another folder, never over another file. Undefined when it is not there any more: of
 * two movers, or a mover and a claim, one wins the rename and the other finds nothing.
 */
export async function moveMessage(
  root: string,
  from: Place,
  to: Omit<Place, 'name'>,
  who: string,
): Promise<Place | undefined> {
  if (to.mailbox === from.mailbox && to.state === from.state) return from;
  const target = stateDir(root, to.mailbox, to.state);
  const taken = join(target, hiddenName(`${MOVE_PREFIX}${who}~${randomSuffix()}~`, fileName(from)));
  inUse.add(taken);
  try {
    mustBeFolder(target);
    if (!takeAway(messagePath(root, from), taken)) return undefined;
    const name = linkUnique(taken, target, fileName(from));
    removeQuietly(taken);
    await syncFolder(target);
    return { ...to, name };
  } catch (error) {
    throw diskFault(error, `moving ${from.mailbox}/${from.state}/${from.name}`);
  } finally {
    inUse.delete(taken);
  }
}
