import {
  blobId,
  type FileVersion,
  type MergeResult,
  mergeChanges,
  pairChanges,
  type RunRules,
} from '../../../src/core/merge.js';

/** A git tree in memory: path → file. */
export type Tree = ReadonlyMap<string, FileVersion>;

export function file(path: string, text: string): FileVersion {
  const bytes = Buffer.from(text);
  const id = /^---\n(?:[^\n]*\n)*?id: ?(\S+)\n/.exec(text)?.[1];
  return { path, oid: blobId(bytes), bytes, ...(id === undefined ? {} : { id }) };
}

export function textOf(version: FileVersion | undefined): string {
  return version === undefined ? '' : Buffer.from(version.bytes).toString();
}

export function treeOf(files: Record<string, string>): Tree {
  return new Map(Object.entries(files).map(([path, text]) => [path, file(path, text)]));
}

export function textsOf(tree: Tree): Record<string, string> {
  return Object.fromEntries([...tree].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([path, v]) => [path, textOf(v)]));
}

/** What differs by path, as git tells it. */
export function diffTrees(from: Tree, to: Tree): { before?: FileVersion; after?: FileVersion }[] {
  const diff: { before?: FileVersion; after?: FileVersion }[] = [];
  for (const [path, before] of from) {
    const after = to.get(path);
    if (after === undefined) diff.push({ before });
    else if (after.oid !== before.oid) diff.push({ before, after });
  }
  for (const [path, after] of to) if (!from.has(path)) diff.push({ after });
  return diff;
}

export function applyEdits(tree: Tree, edits: MergeResult['edits']): Tree {
  const next = new Map(tree);
  for (const [path, version] of edits) {
    if (version === undefined) next.delete(path);
    else next.set(path, version);
  }
  return next;
}

export interface Merged {
  tree: Tree;
  kinds: MergeResult['notes'][number]['kind'][];
}

/** Merges two trees made from one base, as the exchange does. */
export function mergeTrees(base: Tree, ours: Tree, theirs: Tree, rules?: RunRules): Merged {
  const { edits, notes } = mergeChanges(
    pairChanges(diffTrees(base, ours)),
    pairChanges(diffTrees(base, theirs)),
    (path) => theirs.has(path),
    rules,
  );
  return { tree: applyEdits(theirs, edits), kinds: notes.map(({ kind }) => kind) };
}

/** Whether two trees hold the same files. */
export function isSameTree(one: Tree, other: Tree): boolean {
  return one.size === other.size && [...one].every(([path, version]) => other.get(path)?.oid === version.oid);
}
