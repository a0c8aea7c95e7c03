/**
 * What main changed of one message comes to the folders together or not at all: were a message's new place taken in and
 * its old one, which a person has just edited, left, then main's move would look like a deletion, and the edit would
 * bring the message back beside itself.
 */
import { idOf } from '../../format/id-of.js';
import type { Objects, TreeEntry } from '../objects.js';
import type { TreeChange } from '../trees.js';

/** The changed paths that may be of a message which stands at one of `at` (path → blob that the folder had there). */
export async function pathsTogether(
  objects: Objects,
  differing: ReadonlyMap<string, TreeChange>,
  at: ReadonlyMap<string, string | undefined>,
): Promise<Set<string>> {
  const found = new Set<string>();
  if (at.size === 0) return found;
  const wanted = new Set<string>();
  for (const [path, oid] of at) {
    const before = textOf(differing.get(path)?.before);
    for (const mark of await marksOf(objects, path, [oid, before])) wanted.add(mark);
  }
  for (const [path, { before, after }] of differing) {
    const marks = await marksOf(objects, path, [textOf(before), textOf(after)]);
    if (marks.some((mark) => wanted.has(mark))) found.add(path);
  }
  return found;
}

/** Links and other repositories have none. */
function textOf(entry: TreeEntry | undefined): string | undefined {
  return entry?.mode.startsWith('100') ? entry.oid : undefined;
}

/** By what a message is known at another path: its file's name, its bytes, its id. */
async function marksOf(objects: Objects, path: string, oids: readonly (string | undefined)[]): Promise<string[]> {
  if (!path.endsWith('.md')) return [path];
  const marks = [`/${path.slice(path.lastIndexOf('/') + 1)}`];
  for (const oid of new Set(oids)) {
    if (oid === undefined) continue;
    const bytes = await objects.readFile(oid);
    const id = bytes && idOf(bytes);
    marks.push(oid, ...(id === undefined ? [] : [`id ${id}`]));
  }
  return marks;
}
