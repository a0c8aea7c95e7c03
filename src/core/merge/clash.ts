import { posix } from 'node:path';
import { renamedFor } from '../names.js';
import type { FileVersion, MergeNote } from './change.js';
import { compareText } from './place.js';

/** A file that the merged tree is to hold. `from`: where the base has it; none for a new file. */
export interface Placed {
  version: FileVersion;
  from?: string;
}

/** How much of an object id goes into a name. */
const SHORT = 8;

/** `a/x.md` → `a/x-<suffix>.md`, the name at most 255 bytes, whatever its extension. */
export function withSuffix(path: string, suffix: string): string {
  const name = posix.basename(path);
  return path.slice(0, path.length - name.length) + renameAny(name, suffix);
}

function renameAny(name: string, suffix: string): string {
  const extension = posix.extname(name);
  if (extension === '.md') return renamedFor(name, suffix);
  if (Buffer.byteLength(extension) > 32) return renameAny(`${name}.`, suffix).slice(0, -1);
  let stem = name.slice(0, name.length - extension.length);
  const tail = `-${suffix}${extension}`;
  while (Buffer.byteLength(stem + tail) > 255) stem = [...stem].slice(0, -1).join('');
  return stem + tail;
}

/** The second name of a file whose own is taken: every host finds the same. */
export function clashPath({ path, oid }: Pick<FileVersion, 'path' | 'oid'>): string {
  return withSuffix(path, oid.slice(0, SHORT));
}

/** Beside a message whose text could not be merged: where the version goes that does not keep the path. */
export function editedPath(path: string, oid: string): string {
  return withSuffix(path, `edited-${oid.slice(0, SHORT)}`);
}

/** The first free name for `version`: its own, the one with its id, then numbered ones. */
export function findFreePath(version: FileVersion, isFree: (path: string) => boolean): string {
  if (isFree(version.path)) return version.path;
  let path = clashPath(version);
  for (let count = 2; !isFree(path); count += 1)
    path = withSuffix(version.path, `${version.oid.slice(0, SHORT)}-${count}`);
  return path;
}

/**
 * Gives each file a path of its own. Of several with one path the greater object id keeps it, and the rest are renamed;
 * where `isOccupied` tells of a file that neither side touched, all are. A file gives way to a folder of its name.
 */
export function settlePaths(
  files: Iterable<Placed>,
  isOccupied: (path: string) => boolean,
  notes: MergeNote[],
): Map<string, FileVersion> {
  const order = dropRepeats([...files].toSorted(comparePlaced));
  const folders = new Set(order.flatMap(({ version }) => foldersOf(version.path)));
  const settled = new Map<string, Placed>();
  const isFree = (path: string): boolean => !settled.has(path) && !folders.has(path) && !isOccupied(path);
  const rest = order.filter((file) => {
    if (!isFree(file.version.path)) return true;
    settled.set(file.version.path, file);
    return false;
  });
  for (const file of rest) {
    const there = settled.get(clashPath(file.version));
    // An earlier merge of the same two sides may have renamed it already.
    if (there !== undefined && isRepeat(there, { ...file, version: { ...file.version, path: there.version.path } }))
      continue;
    const path = findFreePath(file.version, isFree);
    settled.set(path, { ...file, version: { ...file.version, path } });
    notes.push({ kind: 'renamed', paths: [file.version.path, path] });
  }
  return new Map([...settled].map(([path, { version }]) => [path, version]));
}

function comparePlaced(one: Placed, other: Placed): number {
  return (
    compareText(one.version.path, other.version.path) ||
    compareText(other.version.oid, one.version.oid) ||
    compareText(one.from ?? '', other.from ?? '')
  );
}

function dropRepeats(order: Placed[]): Placed[] {
  const kept: Placed[] = [];
  for (const file of order) {
    const last = kept.at(-1);
    if (last === undefined || !isRepeat(last, file)) kept.push(file);
  }
  return kept;
}

/** One file that came twice. Two bare messages of equal text are two, unless both sides have it as new. */
function isRepeat(one: Placed, other: Placed): boolean {
  if (one.version.path !== other.version.path || one.version.oid !== other.version.oid) return false;
  return one.version.id !== undefined || (one.from === undefined && other.from === undefined);
}

function foldersOf(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}
