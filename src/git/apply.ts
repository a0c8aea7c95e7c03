/**
 * Brings the working folders up to a tree, touching only what changed. A file is written to a temporary name and
 * linked; an old one is first moved aside and looked at: where it is not what was expected, a person has just written
 * it, and it goes back untouched, to be merged in the next round.
 */
import { linkSync, lstatSync, mkdirSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MailboxError, systemCode } from '../core/errors.js';
import { diskFault, readRegular, removeQuietly, syncFolder, writeTemp } from '../store/durable.js';
import { blobOid, type Objects, type TreeEntry } from './objects.js';
import { type Aside, takeAside } from './aside.js';
import { isSyncedPath } from './synced-paths.js';
import { MAX_TRAVELLING } from './working-tree.js';

export interface Edit {
  path: string;
  /** The blob the folder is known to have there; undefined: no file. */
  expected: string | undefined;
  to: TreeEntry | undefined;
}

export interface Applied {
  /** Paths that are now as they should be. */
  done: Edit[];
  /** Paths left alone, with the reason. */
  left: { edit: Edit; why: string }[];
}

/** Why it is left alone for good. */
export const ODD_NAME = 'its name cannot be used here';
const NO_FILE = 'it is no file (a link, another repository), which is not followed';

/** How many files are written at once: the disk syncs them together. */
const AT_ONCE = 16;
/** A state's folder stays although it is empty. */
const KEPT_DEPTH = 3;

/** Additions and replacements come before removals: a message that moved is never nowhere. */
export async function applyEdits(
  root: string,
  gitDir: string,
  objects: Objects,
  edits: readonly Edit[],
  isUsable: (path: string) => boolean = isSyncedPath,
): Promise<Applied> {
  const applied: Applied = { done: [], left: [] };
  const one = async (edit: Edit): Promise<void> => {
    const why = isUsable(edit.path) ? await applyOne(root, gitDir, objects, edit) : ODD_NAME;
    if (why === undefined) applied.done.push(edit);
    else applied.left.push({ edit, why });
  };
  const folders = new Set<string>();
  for (const wanted of [edits.filter((edit) => edit.to), edits.filter((edit) => !edit.to)]) {
    for (let at = 0; at < wanted.length; at += AT_ONCE) await Promise.all(wanted.slice(at, at + AT_ONCE).map(one));
  }
  for (const { path } of applied.done) folders.add(dirname(path));
  for (const folder of folders) {
    if (lstatSync(join(root, folder), { throwIfNoEntry: false })?.isDirectory()) await syncFolder(join(root, folder));
    removeEmpty(root, folder);
  }
  return applied;
}

const CHANGED = 'it was changed here meanwhile';

/** The reason why it was left alone; undefined when it is done. */
async function applyOne(root: string, gitDir: string, objects: Objects, edit: Edit): Promise<string | undefined> {
  const { path, expected, to } = edit;
  const full = join(root, path);
  const dir = dirname(full);
  try {
    if (!isPlainFolder(root, dirname(path), to !== undefined)) return to ? 'a link stands in its way' : undefined;
    if (to === undefined) {
      const gone = takeAside(root, path, gitDir, expected);
      gone?.drop();
      return gone ? undefined : CHANGED;
    }
    if (!to.mode.startsWith('100')) return NO_FILE;
    const bytes = await objects.readFile(to.oid);
    if (bytes === undefined) return NO_FILE;
    const temp = await writeTemp(dir, bytes, isExecutable(to) ? 0o755 : 0o644);
    let old: Aside | undefined;
    try {
      if (expected !== undefined) {
        old = takeAside(root, path, gitDir, expected);
        if (!old) return CHANGED;
      }
      linkSync(temp, full);
      old?.drop();
    } catch (error) {
      // Nothing may be gone from here that nothing has replaced: it would pass for a deletion.
      old?.putBack();
      throw error;
    } finally {
      removeQuietly(temp);
    }
    return undefined;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') {
      const there = readRegularQuietly(full);
      return there !== undefined && to !== undefined && blobOid(there) === to.oid
        ? undefined
        : 'a file of that name came meanwhile';
    }
    if (systemCode(error) === 'ENOTDIR' || systemCode(error) === 'EISDIR')
      return 'a file stands where a folder belongs';
    throw diskFault(error, `writing ${path}`);
  }
}

export function isExecutable({ mode }: TreeEntry): boolean {
  return (Number.parseInt(mode, 8) & 0o100) !== 0;
}

function readRegularQuietly(path: string): Buffer | undefined {
  try {
    return readRegular(path, MAX_TRAVELLING)?.bytes;
  } catch {
    return undefined;
  }
}

/** Whether each part of the folder's path is a folder and no link; makes what is missing when `make`. */
function isPlainFolder(root: string, folder: string, make: boolean): boolean {
  let dir = root;
  for (const part of folder.split('/')) {
    dir = join(dir, part);
    const stat = lstatSync(dir, { throwIfNoEntry: false });
    if (stat?.isDirectory()) continue;
    if (stat || !make) return false;
    try {
      mkdirSync(dir);
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw new MailboxError('unavailable', `making ${dir}`, { cause: error });
    }
  }
  return true;
}

/** Folders that git would not keep either go; those of a mailbox stay. */
function removeEmpty(root: string, folder: string): void {
  for (let at = folder; at.split('/').length > KEPT_DEPTH || at.startsWith('attachments/'); at = dirname(at)) {
    try {
      rmdirSync(join(root, at));
    } catch {
      return;
    }
  }
}
