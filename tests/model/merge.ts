/** The model's own small merge, by DESIGN's table: what a holder or a person made from `base`, onto what main has now. */
import type { Rules } from './rules.js';
import {
  type Copy,
  copiesOf,
  isAlike,
  isMinted,
  put,
  remove,
  sameFile,
  sameWords,
  splitPath,
  type Tree,
  union,
} from './tree.js';

/**
 * Where main has the message that `base` was read from: by id; without one by content, by the origin that a minted id
 * was written with (here words are unique, and tell it), by place, or, moved and edited, by likeness, as git finds
 * renames.
 */
export function locate(tree: Tree, base: Copy, rules: Rules): Copy | null {
  const copies = copiesOf(tree);
  const { id, text } = base.file;
  const bare = copies.filter(({ file }) => file.id === null);
  if (id !== null) {
    // A person may have brought the bare file back that the id was minted for.
    const origin = isMinted(base.file) && rules.minted_id_keeps_its_origin;
    const back = origin ? bare.find(({ file }) => isAlike(file, base.file)) : undefined;
    return copies.find(({ file }) => file.id === id) ?? back ?? null;
  }
  const here = bare.find(({ path }) => path === base.path);
  if (here !== undefined && sameWords(here.file.text, text)) return here;
  const alike = copies.filter(({ file }) => isAlike(file, base.file));
  const minted = rules.minted_id_keeps_its_origin ? alike.find(({ file }) => isMinted(file)) : undefined;
  const same = bare.find(({ file }) => sameWords(file.text, text));
  return same ?? minted ?? here ?? alike.find(({ file }) => file.id === null) ?? null;
}

/** A claim holder's result: its run is new, whatever has happened to the message meanwhile. */
export function mergeResult(tree: Tree, base: Copy, result: Copy, rules: Rules): Tree {
  const now = locate(tree, base, rules) ?? locate(tree, result, rules);
  if (now === null) return rules.deleted_result_kept ? put(tree, result.path, result.file, rules) : tree;
  const [was, is] = [splitPath(base.path), splitPath(now.path)];
  const renamed = was.box === is.box && was.folder === is.folder && rules.clash_rename_is_no_move;
  const moved = now.path !== base.path && !renamed;
  const file = {
    id: result.file.id,
    text: rules.edit_kept_as_follow_up ? union(result.file.text, now.file.text) : result.file.text,
    runs: union(result.file.runs, now.file.runs),
    epoch: Math.max(result.file.epoch, now.file.epoch),
  };
  const { box, folder } = splitPath(result.path);
  const path = renamed ? `${box}/${folder}/${is.name}` : result.path;
  return put(remove(tree, now.path), moved && rules.person_place_stands ? now.path : path, file, rules);
}

/** A person's change of `base` to `mine`: none for a new file's base, none for what a deleted one has become. */
export function mergePerson(tree: Tree, base: Copy | null, mine: Copy | null, rules: Rules): Tree {
  if (base === null) {
    const there = mine === null ? undefined : tree[mine.path];
    return mine === null || (there !== undefined && sameFile(there, mine.file))
      ? tree
      : put(tree, mine.path, mine.file, rules);
  }
  const now = locate(tree, base, rules);
  if (mine === null) {
    // Only what he saw is deleted: news in it, or another person's move, keeps it.
    const seen = now !== null && sameFile({ ...now.file, epoch: base.file.epoch, id: base.file.id }, base.file);
    const moved = now !== null && now.path !== base.path && splitPath(now.path).folder !== 'in_progress';
    return now !== null && seen && !moved ? remove(tree, now.path) : tree;
  }
  if (now === null) return put(tree, mine.path, mine.file, rules);
  const file = { ...now.file, text: union(now.file.text, mine.file.text) };
  return put(remove(tree, now.path), placeOfTwo(base, now, mine), file, rules);
}

/**
 * Mailbox and folder apart, so that one person's reassignment and another's cancel both hold; who changes the mailbox
 * means the folder too. One changed: that. Both: the person's, if the other was a worker; of two people's mailboxes the
 * later in the alphabet, of their folders `failed`, since a cancel must not be undone by chance.
 */
function placeOfTwo(base: Copy, now: Copy, mine: Copy): string {
  const [was, is, wish] = [splitPath(base.path), splitPath(now.path), splitPath(mine.path)];
  // Somebody has moved it there already, and it has gone on since.
  if (is.box !== was.box && is.box === wish.box) return now.path;
  const byWorker = now.file.runs.length > base.file.runs.length || is.folder === 'in_progress';
  const both = is.box > wish.box ? is.box : wish.box;
  const box = wish.box === was.box ? is.box : is.box === was.box ? wish.box : both;
  const cancelled = is.folder === 'failed' && !byWorker ? is.folder : wish.folder;
  const folder = mine.path === base.path ? is.folder : now.path === base.path ? wish.folder : cancelled;
  return `${box}/${folder}/${is.name}`;
}
