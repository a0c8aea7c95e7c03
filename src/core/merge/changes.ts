/**
 * Two sides' changes since their base, as one tree. By message: where it lies and what it says are merged apart.
 *
 * | one side | the other | result |
 * |---|---|---|
 * | unchanged | anything | the other's |
 * | moved | edited | both |
 * | moved | moved elsewhere | complete > failed > inbox > in_progress, then the path; a month folder is no move |
 * | edited | edited | by line; where the lines touch, two files |
 * | deleted | unchanged, renamed, month folder, claim shown | deleted |
 * | deleted | edited, or moved by a person | kept |
 * | run and finished | edited, or moved by a person | as finish.ts has it, when `rules` tell a run |
 * | new | new, same path | two files |
 */
import { blobId } from './blob-id.js';
import type { Change, FileVersion, MergeNote, MergeResult } from './change.js';
import { editedPath, type Placed, settlePaths } from './clash.js';
import { choosePath, compareText, isPersonsMove, mergePaths } from './place.js';
import { mergeRun, type RunRules } from './run.js';
import { mergeText } from './text.js';

/** One message or file as the base and both sides have it; `after` of a side that left it alone is the base. */
interface Item {
  base?: FileVersion;
  ours?: FileVersion | undefined;
  theirs?: FileVersion | undefined;
}

/**
 * What must change in their tree so that it holds both sides' changes. Total: any two lists of changes have a result;
 * symmetric: with the sides exchanged (and `has` of the other tree) the same tree comes out.
 * `has`: whether their tree, after their changes, has a file at a path. `rules`: how to tell a run; the same on each host.
 */
export function mergeChanges(
  ours: Change[],
  theirs: Change[],
  has: (path: string) => boolean,
  rules?: RunRules,
): MergeResult {
  const notes: MergeNote[] = [];
  const items = matchChanges(ours, theirs);
  const placed = items.flatMap((item) => mergeItem(item, rules, notes));

  const there = new Map<string, FileVersion>();
  for (const { base, theirs: version } of items) if (version === base && base !== undefined) there.set(base.path, base);
  for (const { after } of theirs) if (after !== undefined) there.set(after.path, after);
  const touched = new Set([
    ...there.keys(),
    ...ours.flatMap(({ before }) => (before === undefined ? [] : [before.path])),
  ]);

  const settled = settlePaths(placed, (path) => !touched.has(path) && has(path), notes);
  const edits = new Map<string, FileVersion | undefined>();
  for (const path of there.keys()) if (!settled.has(path)) edits.set(path, undefined);
  for (const [path, version] of settled) if (there.get(path)?.oid !== version.oid) edits.set(path, version);
  return { edits, notes };
}

/** Brings together what both sides did to the same file of the base, and what both have as new. */
function matchChanges(ours: Change[], theirs: Change[]): Item[] {
  const items = new Map<string, Item>();
  const added = { ours: [] as FileVersion[], theirs: [] as FileVersion[] };
  for (const [side, changes] of [['ours', ours] as const, ['theirs', theirs] as const]) {
    const seen = new Set<string>();
    for (const { before, after } of changes) {
      // A second change of one file is none that a tree can have: what it made is kept as new.
      if (before === undefined || seen.has(before.path)) {
        if (after !== undefined) added[side].push(after);
        continue;
      }
      seen.add(before.path);
      const item = items.get(before.path) ?? { base: before, ours: before, theirs: before };
      // In one object with the base where nothing was done: `theirs === base` says so.
      item[side] = after !== undefined && after.path === before.path && after.oid === before.oid ? item.base : after;
      items.set(before.path, item);
    }
  }
  return [...items.values(), ...matchAdded(added.ours, added.theirs)];
}

/** A new message with the same id and the same bytes on both sides is one; everything else new stands alone. */
function matchAdded(ours: FileVersion[], theirs: FileVersion[]): Item[] {
  const keyOf = ({ id, oid }: FileVersion): string | undefined => id && `${id} ${oid}`;
  const [mine, yours] = [ours, theirs].map((list) => list.toSorted((a, b) => compareText(a.path, b.path)));
  const taken = new Set<FileVersion>();
  const items: Item[] = [];
  const match = (isSame: (one: FileVersion, other: FileVersion) => boolean): void => {
    const byKey = new Map<string | undefined, FileVersion[]>();
    for (const other of yours ?? []) byKey.set(keyOf(other), [...(byKey.get(keyOf(other)) ?? []), other]);
    for (const one of mine ?? []) {
      const key = keyOf(one);
      if (key === undefined || taken.has(one)) continue;
      const other = byKey.get(key)?.find((candidate) => !taken.has(candidate) && isSame(one, candidate));
      if (other === undefined) continue;
      taken.add(one).add(other);
      items.push({ ours: one, theirs: other });
    }
  };
  match((one, other) => one.path === other.path);
  match(() => true);
  for (const one of mine ?? []) if (!taken.has(one)) items.push({ ours: one });
  for (const other of yours ?? []) if (!taken.has(other)) items.push({ theirs: other });
  return items;
}

function mergeItem({ base, ours, theirs }: Item, rules: RunRules | undefined, notes: MergeNote[]): Placed[] {
  if (base === undefined) {
    const one = ours ?? theirs;
    if (one === undefined) return [];
    return [{ version: { ...one, path: choosePath(one.path, (theirs ?? one).path) } }];
  }
  const from = base.path;
  if (ours === undefined || theirs === undefined) {
    const left = ours ?? theirs;
    if (left === undefined || left === base) return [];
    const isKept = left.oid !== base.oid || isPersonsMove(base.path, left.path);
    notes.push({ kind: isKept ? 'kept-deleted' : 'deleted', paths: [from, left.path] });
    return isKept ? [{ version: left, from }] : [];
  }
  const ran = rules && ours.oid !== theirs.oid ? mergeRun(base, [ours, theirs], rules, notes) : undefined;
  if (ran !== undefined) return ran;
  const path = mergePaths(base.path, ours.path, theirs.path);
  const isMovedApart = ours.path !== theirs.path && ours.path !== from && theirs.path !== from;
  if (isMovedApart) notes.push({ kind: 'moved-apart', paths: [from, ours.path, theirs.path, path] });
  if (ours.oid === theirs.oid || theirs.oid === base.oid) return [{ version: { ...ours, path }, from }];
  if (ours.oid === base.oid) return [{ version: { ...theirs, path }, from }];

  const [winner, loser] = ours.oid > theirs.oid ? [ours, theirs] : [theirs, ours];
  const bytes = mergeText(base.bytes, winner.bytes, loser.bytes);
  if (bytes !== undefined) {
    notes.push({ kind: 'text-merged', paths: [from, path] });
    const id = winner.id === base.id ? loser.id : winner.id;
    const version = { path, oid: blobId(bytes, base.oid), bytes };
    return [{ version: id === undefined ? version : { ...version, id }, from }];
  }
  const beside = { ...loser, path: editedPath(path, loser.oid) };
  notes.push({ kind: 'kept-both', paths: [from, path, beside.path] });
  return [{ version: { ...winner, path }, from }, { version: beside }];
}
