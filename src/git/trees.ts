/** Comparing and changing trees: only what differs is read, only what changed is written. */
import type { Objects, TreeEntry } from './objects.js';

export interface TreeChange {
  before?: TreeEntry;
  after?: TreeEntry;
}

const FOLDER = '40000';

/** What differs between two trees (undefined: empty) below the named top folders, by path; folders themselves are not listed. */
export async function diffTrees(
  objects: Objects,
  before: string | undefined,
  after: string | undefined,
  wants: (topName: string) => boolean = () => true,
): Promise<Map<string, TreeChange>> {
  const found = new Map<string, TreeChange>();
  const walk = async (path: string, a: string | undefined, b: string | undefined): Promise<void> => {
    if (a === b) return;
    const left = a === undefined ? EMPTY : await objects.readTree(a);
    const right = b === undefined ? EMPTY : await objects.readTree(b);
    const compare = async (name: string, x: TreeEntry | undefined, y: TreeEntry | undefined): Promise<void> => {
      if ((x?.oid === y?.oid && x?.mode === y?.mode) || (path === '' && !wants(name))) return;
      const full = path === '' ? name : `${path}/${name}`;
      if (x?.mode === FOLDER || y?.mode === FOLDER)
        await walk(full, x?.mode === FOLDER ? x.oid : undefined, y?.mode === FOLDER ? y.oid : undefined);
      const change: TreeChange = {
        ...(x && x.mode !== FOLDER && { before: x }),
        ...(y && y.mode !== FOLDER && { after: y }),
      };
      if (change.before || change.after) found.set(full, change);
    };
    for (const [name, entry] of left) await compare(name, entry, right.get(name));
    for (const [name, entry] of right) if (!left.has(name)) await compare(name, undefined, entry);
  };
  await walk('', before, after);
  return found;
}

const EMPTY: ReadonlyMap<string, TreeEntry> = new Map();

/** The entry at `path`; undefined when there is none. */
export async function findEntry(
  objects: Objects,
  tree: string | undefined,
  path: string,
): Promise<TreeEntry | undefined> {
  let entry: TreeEntry | undefined = tree === undefined ? undefined : { mode: FOLDER, oid: tree };
  for (const part of path.split('/')) {
    if (entry?.mode !== FOLDER) return undefined;
    entry = (await objects.readTree(entry.oid)).get(part);
  }
  return entry;
}

/** Names in the folder at `path`, with their entries; empty where there is no folder. */
export async function listFolder(
  objects: Objects,
  tree: string | undefined,
  path: string,
): Promise<ReadonlyMap<string, TreeEntry>> {
  const entry = await findEntry(objects, tree, path);
  return entry?.mode === FOLDER ? objects.readTree(entry.oid) : EMPTY;
}

/**
 * The tree with `changes` made (undefined: removed), each by its path or by the names that lead to it; folders that
 * become empty go.
 */
export async function editTree(
  objects: Objects,
  tree: string | undefined,
  changes: Iterable<readonly [string | readonly string[], TreeEntry | undefined]>,
): Promise<string> {
  const edit = async (
    oid: string | undefined,
    items: [readonly string[], TreeEntry | undefined][],
  ): Promise<string | undefined> => {
    const entries = new Map(oid === undefined ? EMPTY : await objects.readTree(oid));
    const below = new Map<string, [readonly string[], TreeEntry | undefined][]>();
    for (const [parts, entry] of items) {
      const [name = '', ...rest] = parts;
      if (rest.length > 0) below.set(name, [...(below.get(name) ?? []), [rest, entry]]);
      else if (entry === undefined) entries.delete(name);
      else entries.set(name, entry);
    }
    for (const [name, inner] of below) {
      const old = entries.get(name);
      const edited = await edit(old?.mode === FOLDER ? old.oid : undefined, inner);
      if (edited !== undefined) entries.set(name, { mode: FOLDER, oid: edited });
      else if (old?.mode === FOLDER) entries.delete(name);
    }
    return entries.size === 0 ? undefined : objects.writeTree(entries);
  };
  const items = [...changes].map(([path, entry]): [readonly string[], TreeEntry | undefined] => [
    typeof path === 'string' ? path.split('/') : path,
    entry,
  ]);
  if (items.length === 0 && tree !== undefined) return tree;
  return (await edit(tree, items)) ?? objects.writeTree([]);
}
