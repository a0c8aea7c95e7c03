/**
 * What no tree on main may hold, whoever put it there: it is taken out again by the next commit. A host's own folder,
 * names that git itself refuses to check out, and, in the folders that the exchange carries, links and other
 * repositories. What merely cannot be used here (an odd name) stays on main, and is left alone.
 */
import type { Objects, TreeEntry } from '../objects.js';
import { isRefusedByGit, isSyncedFolder } from '../synced-paths.js';
import { editTree } from '../trees.js';

export interface Refused {
  /** Names from the root down, as `readTree` has them. */
  parts: string[];
  why: string;
}

/** What is refused of what `after` has and `before` has not. */
export async function findRefused(
  objects: Objects,
  before: string | undefined,
  after: string | undefined,
): Promise<Refused[]> {
  const found: Refused[] = [];
  const walk = async (parts: string[], a: string | undefined, b: string): Promise<void> => {
    if (a === b) return;
    const left = a === undefined ? undefined : await objects.readTree(a);
    for (const [name, entry] of await objects.readTree(b)) {
      const old = left?.get(name);
      if (old?.oid === entry.oid && old.mode === entry.mode) continue;
      const path = [...parts, name];
      const why = whyRefused(path, entry, objects.misnamed);
      if (why !== undefined) found.push({ parts: path, why });
      else if (entry.mode === '40000') await walk(path, old?.mode === '40000' ? old.oid : undefined, entry.oid);
    }
  };
  if (after !== undefined) await walk([], before, after);
  return found;
}

function whyRefused(
  parts: readonly string[],
  { mode, oid }: TreeEntry,
  misnamed: ReadonlySet<string>,
): string | undefined {
  const [top = ''] = parts;
  const name = parts.at(-1) ?? '';
  if (isRefusedByGit(name) || (mode === '120000' && /^\.gitmodules$/i.test(name)))
    return 'git itself refuses such a name';
  if (parts.length === 1 && /^\.mailboxd$/i.test(name)) return "this folder is each host's own";
  if (!isSyncedFolder(top)) return undefined;
  if (mode === '120000') return 'links do not travel';
  if (mode === '160000') return 'other repositories do not travel';
  if (mode.startsWith('100') && misnamed.has(oid)) return 'the tree calls a file what is none';
  return parts.length === 1 && mode !== '40000' ? 'a file stands where a folder belongs' : undefined;
}

/** The tree without them. */
export async function dropRefused(objects: Objects, tree: string, refused: readonly Refused[]): Promise<string> {
  return refused.length === 0
    ? tree
    : editTree(
        objects,
        tree,
        refused.map(({ parts }) => [parts, undefined] as const),
      );
}

/** For people to read. */
export function readablePath(parts: readonly string[]): string {
  const text = parts.map((part) =>
    part.startsWith('\0') ? Buffer.from(part.slice(1), 'hex').toString('latin1') : part,
  );
  return /^[\w./-]+$/.test(text.join('/')) ? text.join('/') : JSON.stringify(text.join('/'));
}
