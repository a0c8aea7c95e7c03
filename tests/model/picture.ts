/** What a host reads from its picture of the remote: which message a claim is for, and whether that still waits. */
import { claimKey, hostOf, type Refs, type State, treeOf, type World } from './state.js';
import { type Copy, copiesOf, isAlike, isMinted, splitPath, type Tree } from './tree.js';

export function treeSeen(world: World, state: State, name: string): Tree {
  return treeOf(world, hostOf(state, name).picture.main);
}

/** A message that a worker may run, as far as its place tells. */
export function isWaiting(world: World, path: string): boolean {
  const { folder } = splitPath(path);
  return folder === 'inbox' || (folder === 'in_progress' && world.rules.in_progress_without_claim_waits);
}

/** The messages that wait in this picture, each with the key to claim it under. */
export function waitingIn(world: World, picture: Refs, name: string): { key: string; copy: Copy }[] {
  return copiesOf(treeOf(world, picture.main))
    .filter(({ path }) => isWaiting(world, path))
    .map((copy) => ({ key: claimKey(world, name, copy), copy }))
    .filter(({ key, copy }) => !isHeldByContent(world, picture, key, copy));
}

/**
 * Whether another claim was made from this very bare file, or its like, when it lay elsewhere. Two bare files of one
 * content do not hold each other: the one that the other claim is for still lies where it was.
 */
function isHeldByContent(world: World, picture: Refs, key: string, { file }: Copy): boolean {
  if (!world.rules.moved_bare_file_is_held || !world.rules.key_without_id || file.id !== null) return false;
  const tree = treeOf(world, picture.main);
  return Object.entries(picture.claims).some(([other, id]) => {
    const { base } = world.objects.claims.get(id);
    const there = tree[base.path];
    const left = there === undefined || !isAlike(base.file, there);
    const bare = base.file.id === null || isMinted(base.file);
    return other !== key && bare && left && isAlike(base.file, file);
  });
}
