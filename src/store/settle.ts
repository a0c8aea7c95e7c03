/**
 * Rewriting and moving a message that a person may touch at the same time.
 *
 * The new content is written, synced and linked at its target first; only then is the old file taken away, by rename
 * into a hidden name, and looked at once more: when it is not what the new content was made from, the content is made
 * again from what was really there. A crash in between leaves both, or a hidden file that says where it belongs
 * (recover.ts). At no moment is the message, or a person's edit of it, nowhere.
 */
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../core/errors.js';
import type { Place } from '../core/message.js';
import { faultPoint, reversed } from './fault-points.js';
import { MOVE_PREFIX, hiddenName } from './hidden.js';
import {
  diskFault,
  linkUnique,
  randomSuffix,
  readRegular,
  removeQuietly,
  sameStamp,
  stampOf,
  syncFolder,
  writeTemp,
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
  const old = join(target, hiddenName(`${MOVE_PREFIX}${who}~${randomSuffix()}~`, fileName(from)));
  let name: string | undefined;
  try {
    if (samePlace) {
      if (!takeAway(source, old)) return undefined;
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
  if (!takeAway(messagePath(root, from), taken)) return undefined;
  try {
    const name = linkUnique(taken, target, fileName(from));
    removeQuietly(taken);
    await syncFolder(target);
    return { ...to, name };
  } catch (error) {
    throw diskFault(error, `moving ${from.mailbox}/${from.state}/${from.name}`);
  }
}
