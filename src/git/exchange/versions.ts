/** Files as the merge takes them, read from trees and folders. */
import { type Change, clashPath, type FileVersion, locate } from '../../core/merge.js';
import { STATES } from '../../core/message.js';
import { idOf } from '../../format/id-of.js';
import type { Objects, TreeEntry } from '../objects.js';
import { isSyncedFolder } from '../synced-paths.js';
import { diffTrees, findEntry, listFolder } from '../trees.js';
import type { LocalChange } from '../working-tree.js';
import { type ExchangeState, treeOf } from './state.js';

export async function versionOf(
  objects: Objects,
  path: string,
  oid: string,
  id: string | undefined,
): Promise<FileVersion> {
  const bytes = await objects.readBlob(oid);
  const own = id ?? idOf(bytes);
  return { path, oid, bytes, ...(own !== undefined && { id: own }) };
}

export async function asChange(objects: Objects, { path, before, after }: LocalChange): Promise<Change> {
  return {
    ...(before && { before: await versionOf(objects, path, before.oid, undefined) }),
    ...(after && { after: withId({ path, oid: after.oid, bytes: after.bytes }) }),
  };
}

export async function asTreeChange(
  objects: Objects,
  path: string,
  { before, after }: { before?: TreeEntry; after?: TreeEntry },
): Promise<Change> {
  const read = async (entry: TreeEntry | undefined): Promise<FileVersion | undefined> =>
    entry?.mode.startsWith('100') && (await objects.readFile(entry.oid))
      ? versionOf(objects, path, entry.oid, undefined)
      : undefined;
  const [was, is] = [await read(before), await read(after)];
  return { ...(was && { before: was }), ...(is && { after: is }) };
}

function withId(version: FileVersion): FileVersion {
  const id = idOf(version.bytes);
  return id === undefined ? version : { ...version, id };
}

/** Tells which names are taken in the folders that the changes touch. */
export async function knownPaths(
  objects: Objects,
  tree: string,
  changes: readonly Change[],
): Promise<(path: string) => boolean> {
  const folders = new Set<string>();
  for (const { before, after } of changes)
    for (const version of [before, after]) if (version) folders.add(version.path.split('/').slice(0, -1).join('/'));
  const known = new Set<string>();
  for (const folder of folders)
    for (const name of (await listFolder(objects, tree, folder)).keys()) known.add(`${folder}/${name}`);
  return (path) => known.has(path);
}

/** Where main has the message now that a claim was made of: at its place, shown in progress, or where it was moved to. */
export async function findCurrent(
  state: ExchangeState,
  tree: string,
  base: FileVersion,
  id: string | undefined,
): Promise<FileVersion | undefined> {
  const { objects } = state.repository;
  const { mailbox = '', name } = locate(base.path);
  const at = async (path: string): Promise<FileVersion | undefined> => {
    const entry = await findEntry(objects, tree, path);
    if (!entry?.mode.startsWith('100') || !(await objects.readFile(entry.oid))) return undefined;
    const version = await versionOf(objects, path, entry.oid, undefined);
    if (version.oid === base.oid || version.id === undefined || id === undefined || version.id === id) return version;
    return undefined;
  };
  const isSame = (version: FileVersion): boolean => version.oid === base.oid || (id !== undefined && version.id === id);
  for (const path of [base.path, ...STATES.map((folder) => `mailboxes/${mailbox}/${folder}/${name}`)]) {
    const version = await at(path);
    if (version && isSame(version)) return version;
  }
  // A clash gave it another name, which tells its bytes: what has its own name now is not this message.
  const second = locate(clashPath(base)).name;
  const mailboxes = [...(await listFolder(objects, tree, 'mailboxes')).keys()].filter((other) => other !== mailbox);
  for (const place of [mailbox, ...mailboxes]) {
    for (const folder of STATES) {
      const version = await at(`mailboxes/${place}/${folder}/${second}`);
      if (version) return version;
    }
  }
  // A bare file that only has the same name is another message, unless it stands where this one stood.
  const edited = await at(base.path);
  if (edited) return edited;
  // Moved under another name, or to another mailbox: it is among what changed on main since this host was in line.
  const mainTree = await treeOf(state, state.view.main);
  for (const [path, change] of await diffTrees(objects, state.base, mainTree, isSyncedFolder)) {
    if (!change.after || !path.startsWith('mailboxes/')) continue;
    const version = change.after.oid === base.oid || path.endsWith('.md') ? await at(path) : undefined;
    if (version && isSame(version)) return version;
  }
  for (const other of mailboxes) {
    for (const folder of STATES) {
      const version = await at(`mailboxes/${other}/${folder}/${name}`);
      if (version && isSame(version)) return version;
    }
  }
  return undefined;
}
