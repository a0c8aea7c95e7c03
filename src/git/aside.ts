/**
 * Files that are on their way out of the working folders: moved aside under a name of their own, with a note beside
 * them of where they belong, and looked at before they go. After a crash in between they are put back.
 */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../core/errors.js';
import { linkUnique, randomSuffix, readRegular, removeQuietly } from '../store/durable.js';
import { blobOid } from './objects.js';
import { isSyncedPath } from './synced-paths.js';
import { MAX_TRAVELLING } from './working-tree.js';

export interface Aside {
  /** It has gone for good. */
  drop(): void;
  /** Nothing came of it: it stands where it stood, or beside what came there. */
  putBack(): void;
}

const NOTE = '.path';
const GONE: Aside = { drop: () => undefined, putBack: () => undefined };

/** Takes the file at `path` away when it is the `expected` blob, or gone already. Undefined: it is another, and still there. */
export function takeAside(root: string, path: string, gitDir: string, expected: string | undefined): Aside | undefined {
  const aside = join(gitDir, 'aside');
  mkdirSync(aside, { recursive: true });
  const hidden = join(aside, randomSuffix());
  writeFileSync(hidden + NOTE, path);
  try {
    renameSync(join(root, path), hidden);
  } catch (error) {
    removeQuietly(hidden + NOTE);
    if (systemCode(error) === 'ENOENT') return GONE;
    throw error;
  }
  const item: Aside = {
    drop() {
      unlinkSync(hidden);
      removeQuietly(hidden + NOTE);
    },
    putBack() {
      putBack(root, path, hidden);
    },
  };
  const bytes = readQuietly(hidden);
  if (bytes !== undefined && blobOid(bytes) === expected) return item;
  item.putBack();
  return undefined;
}

function putBack(root: string, path: string, hidden: string): void {
  const dir = dirname(join(root, path));
  mkdirSync(dir, { recursive: true });
  linkUnique(hidden, dir, basename(path));
  unlinkSync(hidden);
  removeQuietly(hidden + NOTE);
}

/**
 * What a crash left aside: put back where nothing stands in its place; else dropped when `isKnown` (git has it), or kept
 * in `keptDir`. Returns the paths of the last kind.
 */
export async function recoverAside(
  root: string,
  gitDir: string,
  keptDir: string,
  isKnown: (oid: string) => Promise<boolean>,
): Promise<string[]> {
  const aside = join(gitDir, 'aside');
  const kept: string[] = [];
  for (const name of existsSync(aside) ? readdirSync(aside) : []) {
    const hidden = join(aside, name);
    if (name.endsWith(NOTE)) {
      if (!existsSync(hidden.slice(0, -NOTE.length))) removeQuietly(hidden);
      continue;
    }
    const path = existsSync(hidden + NOTE) ? readFileSync(hidden + NOTE, 'utf8') : '';
    if (isSyncedPath(path) && !lstatSync(join(root, path), { throwIfNoEntry: false })) {
      putBack(root, path, hidden);
      continue;
    }
    if (!(await isKnown(blobOid(readFileSync(hidden))))) {
      mkdirSync(keptDir, { recursive: true });
      kept.push(join(keptDir, linkUnique(hidden, keptDir, `aside-${name}.md`)));
    }
    unlinkSync(hidden);
    removeQuietly(hidden + NOTE);
  }
  return kept;
}

function readQuietly(path: string): Buffer | undefined {
  try {
    return readRegular(path, MAX_TRAVELLING)?.bytes;
  } catch {
    return undefined;
  }
}
