/**
 * What the working folders say that the base tree does not. The cost follows what changed: a folder whose own time and
 * base are as they were is not opened, and a file is read only when its change time is later than the last look that
 * found it in order. (A change time cannot be set by a program; where the clock went back, everything is read again.)
 */
import { lstatSync, readdirSync, type BigIntStats, type Dirent } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../core/errors.js';
import { diskFault, readRegular } from '../store/durable.js';
import { blobOid, type Objects, type TreeEntry } from './objects.js';
import { isSyncedName, SYNCED } from './synced-paths.js';
import { listFolder } from './trees.js';

/** One file that differs from the base. */
export interface LocalChange {
  path: string;
  /** As the base has it. */
  before: TreeEntry | undefined;
  /** As the folder has it now; `bytes` are what was read. */
  after: { mode: string; oid: string; bytes: Buffer } | undefined;
}

export interface WorkingTree {
  /** Everything that differs from `base` now; `deep` opens every folder and looks at every file's times. */
  scan(base: string | undefined, how?: { deep?: boolean }): Promise<Map<string, LocalChange>>;
  /** Paths that the last scan left out: somebody is still writing there, or has just put the file there. */
  readonly unready: ReadonlySet<string>;
  /** A folder (`mailboxes/server/complete`) is to be opened at the next scan, whatever its time says. */
  touch(folder: string): void;
}

interface FolderMemory {
  baseOid: string | undefined;
  mtimeNs: bigint;
  /** When it was last looked at, ms since 1970. */
  at: number;
  /** Names that differed then, and so must be looked at again. */
  differing: Set<string>;
}

/** A change may get a time a little before the moment it can be seen, ms. */
const BLUR = 2_000;
/** Largest file that travels, bytes. */
export const MAX_TRAVELLING = 100 * 1024 * 1024;
const DEEPEST = 7;

export function openWorkingTree(
  root: string,
  objects: Objects,
  hooks: {
    onProblem(path: string, what: string): void;
    /** False for a new or changed file that somebody is still writing. */
    isWhole(stat: BigIntStats): boolean;
  },
  now: () => number = Date.now,
): WorkingTree {
  const { onProblem } = hooks;
  const memory = new Map<string, FolderMemory>();
  const touched = new Set<string>();
  const unready = new Set<string>();
  let lastNow = 0;

  const readAfter = (path: string, before: TreeEntry | undefined, stat: BigIntStats): LocalChange['after'] => {
    try {
      const file = readRegular(join(root, path), MAX_TRAVELLING);
      if (!file) return undefined;
      const mode =
        before && process.platform === 'win32' ? before.mode : (stat.mode & 0o100n) !== 0n ? '100755' : '100644';
      return { mode, oid: blobOid(file.bytes), bytes: file.bytes };
    } catch (error) {
      onProblem(path, error instanceof Error ? error.message : String(error));
      return before && { mode: before.mode, oid: before.oid, bytes: Buffer.alloc(0) };
    }
  };

  const scanFolder = async (
    folder: string,
    base: string | undefined,
    deep: boolean,
    found: Map<string, LocalChange>,
    depth: number,
  ): Promise<void> => {
    const dir = join(root, folder);
    const stat = lstatSync(dir, { bigint: true, throwIfNoEntry: false });
    if (stat && !stat.isDirectory()) return onProblem(folder, 'it is a link or a file where a folder belongs');
    const entries = await listFolder(objects, base, folder);
    const oid = base === undefined ? undefined : await folderOid(objects, base, folder);
    const before = memory.get(folder);
    const time = now();
    const isQuiet =
      !deep &&
      !touched.has(folder) &&
      stat !== undefined &&
      before !== undefined &&
      before.baseOid === oid &&
      before.mtimeNs === stat.mtimeNs &&
      before.differing.size === 0 &&
      before.at - Number(stat.mtimeNs / 1_000_000n) > BLUR;
    const isCold = /^attachments\/|\/\d{4}-\d{2}$/.test(folder);
    if (isQuiet && (isCold || folder === 'attachments' || /\/(complete|failed)$/.test(folder))) {
      // New files would have changed the folder's own time. Month folders are few; attachments' folders are many.
      if (folder === 'attachments' || isCold) return;
      for (const name of readFolders(dir)) await scanFolder(`${folder}/${name}`, base, deep, found, depth + 1);
      return;
    }
    const differing = new Set<string>();
    const seen = new Set<string>();
    for (const item of readEntries(dir)) {
      const { name } = item;
      if (!isSyncedName(name)) {
        if (!name.startsWith('.')) onProblem(`${folder}/${name}`, 'its name cannot travel; rename it');
        continue;
      }
      const path = `${folder}/${name}`;
      if (item.isDirectory()) {
        seen.add(name);
        if (entries.get(name)?.mode !== '40000' && entries.has(name)) reportBefore(found, path, entries.get(name));
        if (depth < DEEPEST) await scanFolder(path, base, deep, found, depth + 1);
        continue;
      }
      if (!item.isFile()) {
        onProblem(path, 'it is a link or a device, which does not travel');
        seen.add(name);
        continue;
      }
      const was = regular(entries.get(name));
      seen.add(name);
      const file = lstatSync(join(dir, name), { bigint: true, throwIfNoEntry: false });
      if (!file) {
        if (was) reportBefore(found, path, was);
        differing.add(name);
        continue;
      }
      const isKnown =
        was !== undefined &&
        before !== undefined &&
        !before.differing.has(name) &&
        Number(file.ctimeMs) < before.at - BLUR;
      if (isKnown) continue;
      const after = readAfter(path, was, file);
      if (after?.oid === was?.oid && after?.mode === was?.mode) continue;
      differing.add(name);
      // Asked of what differs alone: the answer may need a look at every process.
      if (isForeignWork(path) && !hooks.isWhole(file)) {
        unready.add(path);
        continue;
      }
      found.set(path, { path, before: was, after });
    }
    for (const [name, entry] of entries) {
      if (seen.has(name) || entry.raw || !isSyncedName(name)) continue;
      if (entry.mode === '40000') await scanFolder(`${folder}/${name}`, base, deep, found, depth + 1);
      else if (regular(entry)) {
        differing.add(name);
        found.set(`${folder}/${name}`, { path: `${folder}/${name}`, before: entry, after: undefined });
      }
    }
    touched.delete(folder);
    memory.set(folder, { baseOid: oid, mtimeNs: stat?.mtimeNs ?? 0n, at: time, differing });
  };

  return {
    unready,
    touch: (folder) => void touched.add(folder),
    async scan(base, { deep = false } = {}) {
      const time = now();
      if (time < lastNow) memory.clear();
      lastNow = time;
      const found = new Map<string, LocalChange>();
      unready.clear();
      for (const folder of SYNCED) await scanFolder(folder, base, deep, found, 1);
      return found;
    },
  };
}

/** What people and their programs write slowly; results are written by mailboxd, and are whole when they have a name. */
function isForeignWork(path: string): boolean {
  return path.endsWith('.md') && !/\/(complete|failed)\//.test(path);
}

function reportBefore(found: Map<string, LocalChange>, path: string, entry: TreeEntry | undefined): void {
  const before = regular(entry);
  if (before) found.set(path, { path, before, after: undefined });
}

/** Links and other repositories in a tree are nobody's files here. */
function regular(entry: TreeEntry | undefined): TreeEntry | undefined {
  return entry?.mode.startsWith('100') && !entry.raw ? entry : undefined;
}

async function folderOid(objects: Objects, base: string, folder: string): Promise<string | undefined> {
  const at = folder.lastIndexOf('/');
  const parent = at === -1 ? await objects.readTree(base) : await listFolder(objects, base, folder.slice(0, at));
  return parent.get(folder.slice(at + 1))?.oid;
}

function readEntries(dir: string): Dirent[] {
  try {
    return readdirSync(dir, { withFileTypes: true });
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw diskFault(error, `listing ${dir}`);
  }
}

function readFolders(dir: string): string[] {
  return readEntries(dir)
    .filter((entry) => entry.isDirectory() && isSyncedName(entry.name))
    .map((entry) => entry.name);
}
