/**
 * Taking a message out of the root after it was archived: taken away under a hidden name, compared with what the
 * archive has, and removed only when it is the same. A crash before the removal brings it back (store/recover.ts);
 * it then is in both, and archiving it again harms nothing.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync, renameSync, rmdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../../core/errors.js';
import { renamedFor } from '../../core/names.js';
import { blobOid } from '../../git/objects.js';
import {
  diskFault,
  linkUnique,
  randomSuffix,
  removeQuietly,
  stampOf,
  syncFolder,
  writeTemp,
} from '../../store/durable.js';
import { hiddenName, inUse, MOVE_PREFIX } from '../../store/hidden.js';
import { statMessage } from '../../store/list.js';
import { messagePath, stateDir } from '../../store/paths.js';
import { noteMove } from '../acknowledge.js';
import type { Desk } from '../find.js';
import { archivesDir } from './archives.js';
import type { OldMessage } from './collect.js';

const READ = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** Removes the message and its attachments, where they are what `archived` (path → blob id) says. Undefined: why not. */
export async function takeOut(
  desk: Desk,
  message: OldMessage,
  archived: ReadonlyMap<string, string>,
): Promise<string | undefined> {
  const root = desk.root.dir;
  const { place, path, id } = message;
  const source = messagePath(root, place);
  const dir = stateDir(root, place.mailbox, place.state);
  const hidden = join(dir, hiddenName(`${MOVE_PREFIX}${desk.who}~${randomSuffix()}~`, basename(place.name)));
  inUse.add(hidden);
  try {
    if (!takeAway(source, hidden)) return 'it was moved or deleted meanwhile';
    const outcome = await removeIfSame(hidden, source, archived.get(path), () => {
      if (id !== undefined && !isNeeded(desk, id, message)) removeAttachments(root, message, archived);
    });
    noteMove(desk.catalog, root, place, outcome === 'gone' ? undefined : place);
    if (outcome === 'changed') return 'it was changed meanwhile';
    await syncFolder(dirname(source));
    if (place.name.includes('/')) removeEmpty(dirname(source));
    return undefined;
  } finally {
    inUse.delete(hidden);
  }
}

/** Whether another message of this id stands in the root: the files attached to it are then still wanted. */
function isNeeded(desk: Desk, id: string, message: OldMessage): boolean {
  for (const other of desk.catalog.withId(id)) {
    const { mailbox, state, name } = message.place;
    const isItself = other.mailbox === mailbox && other.state === state && other.name === name;
    if (!isItself && statMessage(desk.root.dir, other) !== undefined) return true;
  }
  return false;
}

/** Those that changed, or came since, stay. */
function removeAttachments(root: string, message: OldMessage, archived: ReadonlyMap<string, string>): void {
  const folders = new Set<string>();
  for (const path of message.attachments) {
    const source = join(root, path);
    const hidden = join(archivesDir(root), `.work-${process.pid}-${randomSuffix()}`);
    if (!takeAway(source, hidden)) continue;
    if (isSame(hidden, archived.get(path))) removeQuietly(hidden);
    else giveBack(hidden, source);
    for (let dir = dirname(path); dir !== 'attachments'; dir = dirname(dir)) folders.add(dir);
  }
  // The deepest first.
  for (const dir of [...folders].toSorted((a, b) => b.length - a.length)) removeEmpty(join(root, dir));
}

function takeAway(path: string, to: string): boolean {
  try {
    renameSync(path, to);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return false;
    throw diskFault(error, `removing ${path}`);
  }
}

/** Looks at the file that is held open, so that what somebody writes into it even while it goes is seen and kept. */
async function removeIfSame(
  hidden: string,
  source: string,
  oid: string | undefined,
  before: () => void,
): Promise<'gone' | 'changed'> {
  let file: number | undefined;
  try {
    file = openSync(hidden, READ);
    const known = fstatSync(file, { bigint: true });
    if (!known.isFile() || blobOid(readFileSync(file)) !== oid) {
      giveBack(hidden, source);
      return 'changed';
    }
    before();
    removeQuietly(hidden);
    const now = fstatSync(file, { bigint: true });
    if (now.size === known.size && now.mtimeNs === known.mtimeNs) return 'gone';
    const late = await writeTemp(dirname(source), readWhole(file, Number(now.size)));
    linkUnique(late, dirname(source), renamedFor(basename(source), 'edited'));
    removeQuietly(late);
    return 'gone';
  } catch (error) {
    giveBack(hidden, source);
    throw diskFault(error, `removing ${source}`);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function readWhole(file: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  return bytes.subarray(0, readSync(file, bytes, 0, size, 0));
}

function isSame(path: string, oid: string | undefined): boolean {
  return blobOid(readFileSync(path)) === oid;
}

/** Back to where it was taken from, or beside what came there since. */
function giveBack(hidden: string, source: string): void {
  if (stampOf(hidden) === undefined) return;
  linkUnique(hidden, dirname(source), basename(source));
  removeQuietly(hidden);
}

function removeEmpty(dir: string): void {
  try {
    rmdirSync(dir);
  } catch {
    // Something stands in it, or it is gone already.
  }
}
