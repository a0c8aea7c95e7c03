import type { Change, FileVersion } from './change.js';
import { clashPath } from './clash.js';
import { compareText, locate } from './place.js';

type Key = (version: FileVersion) => string | undefined;

/** What makes a file that vanished and one that appeared the same message, surest first. */
const SAME: readonly { vanished: Key; appeared: Key }[] = [
  ...[
    ({ id, oid, path }: FileVersion) => id && `${id} ${oid} ${locate(path).name}`,
    ({ id, oid }: FileVersion) => id && `${id} ${oid}`,
    ({ id, path }: FileVersion) => id && `${id} ${locate(path).name}`,
    ({ id }: FileVersion) => id,
    (version: FileVersion) => `${version.oid} ${nameOf(version)}`,
    ({ oid, path }: FileVersion) => `${oid} ${locate(path).name}`,
    ({ oid }: FileVersion) => oid,
  ].map((key) => ({ vanished: key, appeared: key })),
  // A bare file gets its id with the claim, and may lose it to a person's editor: one of the two has none.
  { vanished: bareName, appeared: nameInMailbox },
  { vanished: nameInMailbox, appeared: bareName },
  // The same, reassigned before it was edited or got its id.
  { vanished: bareMessage, appeared: messageName },
  { vanished: messageName, appeared: bareMessage },
];

/** How many of `SAME` go by the id: these also find a message whose place another one took. */
const BY_ID = 4;

/**
 * What one side did, by message: of the files that differ by path, those that vanished and those that appeared are paired
 * into moves (same id, else same content, else same name where one of them has no id, in one mailbox first); the rest are
 * edits, new files and deletions. A path changed in place is one change, unless the id says that it is another message
 * now. The order of `diff` does not matter.
 */
export function pairChanges(diff: Iterable<Change>): Change[] {
  const changes: Change[] = [];
  const replaced: Required<Change>[] = [];
  const pool = { vanished: [] as FileVersion[], appeared: [] as FileVersion[] };
  for (const { before, after } of [...diff].toSorted((one, other) => compareText(pathIn(one), pathIn(other)))) {
    if (before !== undefined && after !== undefined) {
      if (before.path !== after.path) changes.push({ before, after });
      else if (before.oid !== after.oid) replaced.push({ before, after });
    } else if (before !== undefined) pool.vanished.push(before);
    else if (after !== undefined) pool.appeared.push(after);
  }
  const ids = { vanished: idsOf(pool.vanished), appeared: idsOf(pool.appeared) };
  const names = new Set(pool.appeared.map(nameOf));
  const suspects = replaced.filter((change) => {
    const { before, after } = change;
    // The ids differ, or one says that the message went elsewhere or came from there, or a clash renamed it.
    const isSuspect =
      before.id !== after.id &&
      ((before.id !== undefined && after.id !== undefined) ||
        ids.appeared.has(before.id) ||
        ids.vanished.has(after.id));
    if (isSuspect || names.has(clashName(before))) return true;
    changes.push(change);
    return false;
  });
  // Until names and ids have spoken, the two halves of such a change stand in both lists.
  pool.vanished.push(...suspects.map(({ before }) => before));
  pool.appeared.push(...suspects.map(({ after }) => after));
  changes.push(...takePairs(pool, clashName, nameOf));
  for (const { vanished, appeared } of SAME.slice(0, BY_ID)) changes.push(...takePairs(pool, vanished, appeared));
  // The other suspects were only edited, unless both have ids and these differ: then it is another message.
  changes.push(...takePairs(pool, barePath, pathOfAny), ...takePairs(pool, pathOfAny, barePath));
  for (const { vanished, appeared } of SAME.slice(BY_ID)) changes.push(...takePairs(pool, vanished, appeared));
  for (const before of pool.vanished) changes.push({ before });
  for (const after of pool.appeared) changes.push({ after });
  return changes;
}

/** The ids in a list; `undefined` is never one of them. */
function idsOf(versions: FileVersion[]): Set<string | undefined> {
  return new Set(versions.flatMap(({ id }) => (id === undefined ? [] : [id])));
}

/** The name of a file that a clash renamed: it tells by its bytes which file it was, so it is no accident. */
function clashName(version: FileVersion): string {
  return nameOf({ ...version, path: clashPath(version) });
}

/** Takes the pairs with equal keys out of the pool. */
function takePairs(pool: { vanished: FileVersion[]; appeared: FileVersion[] }, vanished: Key, appeared: Key): Change[] {
  if (pool.vanished.length === 0 || pool.appeared.length === 0) return [];
  const byKey = new Map<string, FileVersion[]>();
  for (const after of pool.appeared) {
    const key = appeared(after);
    if (key === undefined) continue;
    const same = byKey.get(key);
    if (same === undefined) byKey.set(key, [after]);
    else same.push(after);
  }
  const pairs: Change[] = [];
  const taken = new Set<FileVersion>();
  pool.vanished = pool.vanished.filter((before) => {
    const key = vanished(before);
    const after = key === undefined ? undefined : byKey.get(key)?.shift();
    if (after === undefined) return true;
    taken.add(after);
    pairs.push({ before, after });
    return false;
  });
  pool.appeared = pool.appeared.filter((after) => !taken.has(after));
  return pairs;
}

function nameInMailbox({ path }: FileVersion): string | undefined {
  const { mailbox, name } = locate(path);
  return mailbox === undefined ? undefined : `${mailbox}/${name}`;
}

function bareName(version: FileVersion): string | undefined {
  return version.id === undefined ? nameInMailbox(version) : undefined;
}

function messageName({ path }: FileVersion): string | undefined {
  const { mailbox, name } = locate(path);
  return mailbox === undefined ? undefined : name;
}

function bareMessage(version: FileVersion): string | undefined {
  return version.id === undefined ? messageName(version) : undefined;
}

function nameOf(version: FileVersion): string {
  return nameInMailbox(version) ?? version.path;
}

function pathOfAny({ path }: FileVersion): string {
  return path;
}

function barePath({ id, path }: FileVersion): string | undefined {
  return id === undefined ? path : undefined;
}

function pathIn({ before, after }: Change): string {
  return before?.path ?? after?.path ?? '';
}
