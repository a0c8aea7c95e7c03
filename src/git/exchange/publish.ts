/**
 * What this host has to bring to main, built onto its published tip: what people did in the folders here, the ends of
 * what ran here, and every done claim on the remote. One commit, one atomic push: main by compare and swap, each claim
 * that it ends deleted with a lease on its object. Refused whole when any of that has changed; that is the fence.
 */
import {
  type Change,
  type FileVersion,
  locate,
  mergeChanges,
  mergeFinish,
  type MergeNote,
  pairChanges,
} from '../../core/merge.js';
import { STATES, type State } from '../../core/message.js';
import { idOf } from '../../format/id-of.js';
import { appendRunTo, followUpOf } from '../../format/merge-content.js';
import { isAncestor, readHead } from '../checkout.js';
import type { HeldState } from '../held.js';
import { blobOid, EMPTY_TREE, type Objects, type TreeEntry } from '../objects.js';
import { refOf } from '../ref-names.js';
import type { RefUpdate } from '../remote.js';
import { runGit } from '../run.js';
import { isSyncedFolder } from '../synced-paths.js';
import { diffTrees, editTree, findEntry, listFolder } from '../trees.js';
import type { LocalChange } from '../working-tree.js';
import { type ExchangeState, type SeenClaim, treeOf } from './state.js';

export interface Publication {
  commit: string;
  /** Undefined: main has all of it already, and only claims are let go. */
  main: RefUpdate | undefined;
  claims: RefUpdate[];
  ended: HeldState[];
  folded: SeenClaim[];
  /** What the folders had of what it carries: path → blob, undefined: no file. */
  carried: Map<string, string | undefined>;
  title: string;
  notes: MergeNote[];
  messages: number;
}

/** What is in the folders here, sorted by whose it is to publish. */
export interface LocalNews {
  /** Anyone's to bring: a person's changes. */
  open: LocalChange[];
  /** By key: of messages that this host has claimed. */
  claimed: Map<string, LocalChange[]>;
  /** Not to be published as they are. */
  withheld: { change: LocalChange; why: string }[];
}

/** Sorts what the scan found. */
export async function sortNews(state: ExchangeState, found: Map<string, LocalChange>): Promise<LocalNews> {
  const news: LocalNews = { open: [], claimed: new Map(), withheld: [] };
  const byPath = new Map([...state.held.all.values()].map((held) => [held.path, held]));
  for (const change of found.values()) {
    const id = await idOfChange(state, change);
    const held = (id === undefined ? undefined : state.held.byId(id)) ?? byPath.get(change.path);
    if (held) news.claimed.set(held.key, [...(news.claimed.get(held.key) ?? []), change]);
    else {
      const why = change.after && state.hooks.withhold(change.path, change.after.bytes);
      if (why === undefined) news.open.push(change);
      else news.withheld.push({ change, why });
    }
  }
  return news;
}

async function idOfChange(state: ExchangeState, { path, before, after }: LocalChange): Promise<string | undefined> {
  if (!path.startsWith('mailboxes/') || !path.endsWith('.md')) return undefined;
  if (after) return idOf(after.bytes);
  return before && idOf(await state.repository.objects.readBlob(before.oid));
}

/** Undefined when there is nothing to publish. */
export async function buildPublication(state: ExchangeState, news: LocalNews): Promise<Publication | undefined> {
  const { objects } = state.repository;
  const mainTree = await treeOf(state, state.view.main);
  const ended = [...state.held.all.values()].filter(
    (held) => held.isEnded && !held.isLost && !held.isDone && held.current !== undefined,
  );
  const folded = [...state.seen.values()].filter(({ claim }) => claim.done !== undefined);
  const head = await headToCarry(state);
  if (news.open.length === 0 && ended.length === 0 && folded.length === 0 && head === undefined) return undefined;

  const notes: MergeNote[] = [];
  const carried = new Map<string, string | undefined>();
  let tree = mainTree ?? EMPTY_TREE;
  if (head?.tree !== undefined) tree = head.tree;
  const put = async (edits: ReadonlyMap<string, FileVersion | undefined>): Promise<void> => {
    const entries = new Map<string, TreeEntry | undefined>();
    for (const [path, version] of edits) {
      if (version !== undefined && blobOid(version.bytes) === version.oid) await objects.writeBlob(version.bytes);
      const oid = version === undefined ? undefined : version.oid;
      const mode = modes.get(path) ?? '100644';
      entries.set(path, oid === undefined ? undefined : { mode, oid });
    }
    tree = await editTree(objects, tree, entries);
  };
  const modes = new Map(news.open.flatMap(({ path, after }) => (after ? [[path, after.mode] as const] : [])));
  if (news.open.length > 0) {
    const ours: Change[] = [];
    for (const change of news.open) {
      ours.push(await asChange(objects, change));
      carried.set(change.path, change.after?.oid);
    }
    const theirs: Change[] = [];
    for (const [path, change] of await diffTrees(objects, state.base, mainTree, isSyncedFolder))
      theirs.push(await asTreeChange(objects, path, change));
    const merged = mergeChanges(
      pairChanges(ours),
      pairChanges(theirs),
      await knownPaths(objects, tree, [...ours, ...theirs]),
    );
    notes.push(...merged.notes);
    await put(merged.edits);
  }
  const finishOf = async (
    base: FileVersion,
    result: FileVersion | undefined,
    id: string | undefined,
    shownAs?: { path: string; blob: string },
  ): Promise<void> => {
    const shown = shownAs && (await versionOf(objects, shownAs.path, shownAs.blob, id));
    const current = await findCurrent(state, tree, base, id);
    const around = [base, ...(result ? [result] : []), ...(current ? [current] : [])];
    const inbox = `mailboxes/${locate(base.path).mailbox ?? ''}/inbox/x.md`;
    const has = await knownPaths(
      objects,
      tree,
      [...around, { ...base, path: inbox }].map((after) => ({ after })),
    );
    const merged = mergeFinish({ base, shown, result, current, has, followUp, appendRun });
    notes.push(...merged.notes);
    await put(merged.edits);
  };
  for (const held of ended) {
    const changes = news.claimed.get(held.key) ?? [];
    for (const change of changes) carried.set(change.path, change.after?.oid);
    const [result, ...others] = resultsOf(held, changes);
    const isUntouched = changes.length === 0;
    const base = await versionOf(objects, held.path, held.blob, held.id);
    await finishOf(base, isUntouched ? base : result, held.id, held.shown);
    await put(new Map(others.map((version) => [version.path, version])));
  }
  for (const { claim } of folded) {
    const base = await versionOf(objects, claim.path, claim.blob, claim.id);
    const to = claim.done?.to;
    await finishOf(base, to && (await versionOf(objects, to.path, to.blob, claim.id)), claim.id, claim.shown);
  }
  tree = await dropForeign(objects, tree);

  const claims = [
    ...ended.map(({ key, current }) => ({
      ref: refOf(state.remote.space, 'claims', key),
      from: current ?? null,
      to: null,
    })),
    ...folded.map(({ claim, oid }) => ({ ref: refOf(state.remote.space, 'claims', claim.key), from: oid, to: null })),
  ];
  const title = titleOf(news, ended, folded);
  const messages = news.open.length + ended.length + folded.length;
  const common = { claims, ended, folded, carried, title, notes, messages };
  if (tree === mainTree && head === undefined) {
    return claims.length === 0 ? undefined : { ...common, commit: state.view.main ?? '', main: undefined };
  }
  const commit = await objects.writeCommit({
    tree,
    parents: [state.view.main, head?.commit].filter((parent) => parent !== undefined),
    message: `${title}\n\n${trailersOf(state, ended, folded).join('\n')}\n`,
    identity: state.repository.identity,
    time: state.instant().wall / 1000,
  });
  return { ...common, commit, main: { ref: 'refs/heads/main', from: state.view.main ?? null, to: commit } };
}

const followUp = (edited: FileVersion): FileVersion => {
  const { mailbox = '', name } = locate(edited.path);
  const made = followUpOf(edited.bytes, name, edited.oid.slice(0, 8));
  return { path: `mailboxes/${mailbox}/inbox/${made.name}`, id: made.id, bytes: made.bytes, oid: blobOid(made.bytes) };
};

const appendRun = (current: FileVersion, result: FileVersion): FileVersion => {
  const state: State = STATES.find((name) => name === locate(current.path).state) ?? 'inbox';
  const bytes = appendRunTo(current.bytes, result.bytes, state);
  return { ...current, bytes, oid: blobOid(bytes) };
};

/** The files that a finished message left here, its own first. */
function resultsOf(held: HeldState, changes: readonly LocalChange[]): FileVersion[] {
  const name = held.path.split('/').at(-1);
  const rank = ({ path }: FileVersion): number =>
    (path.endsWith(`/${name}`) ? 0 : 2) + (path.includes('/in_progress/') ? 4 : 0) + (path === held.path ? 1 : 0);
  return changes
    .flatMap(({ path, after }) => (after ? [{ path, oid: after.oid, bytes: after.bytes, id: held.id }] : []))
    .toSorted((one, other) => rank(one) - rank(other));
}

async function versionOf(objects: Objects, path: string, oid: string, id: string | undefined): Promise<FileVersion> {
  const bytes = await objects.readBlob(oid);
  const own = id ?? idOf(bytes);
  return { path, oid, bytes, ...(own !== undefined && { id: own }) };
}

async function asChange(objects: Objects, { path, before, after }: LocalChange): Promise<Change> {
  return {
    ...(before && { before: await versionOf(objects, path, before.oid, undefined) }),
    ...(after && { after: withId({ path, oid: after.oid, bytes: after.bytes }) }),
  };
}

async function asTreeChange(
  objects: Objects,
  path: string,
  { before, after }: { before?: TreeEntry; after?: TreeEntry },
): Promise<Change> {
  const read = async (entry: TreeEntry | undefined): Promise<FileVersion | undefined> =>
    entry?.mode.startsWith('100') ? versionOf(objects, path, entry.oid, undefined) : undefined;
  const [was, is] = [await read(before), await read(after)];
  return { ...(was && { before: was }), ...(is && { after: is }) };
}

function withId(version: FileVersion): FileVersion {
  const id = idOf(version.bytes);
  return id === undefined ? version : { ...version, id };
}

/** Tells which names are taken in the folders that the changes touch. */
async function knownPaths(
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

/** Where main has the message now that a claim was made of: at its place, shown in progress, or where a person put it. */
async function findCurrent(
  state: ExchangeState,
  tree: string,
  base: FileVersion,
  id: string | undefined,
): Promise<FileVersion | undefined> {
  const { objects } = state.repository;
  const { mailbox = '', name } = locate(base.path);
  const at = async (path: string): Promise<FileVersion | undefined> => {
    const entry = await findEntry(objects, tree, path);
    if (!entry?.mode.startsWith('100')) return undefined;
    const version = await versionOf(objects, path, entry.oid, undefined);
    if (version.oid === base.oid || version.id === undefined || id === undefined || version.id === id) return version;
    return undefined;
  };
  for (const path of [base.path, ...STATES.map((folder) => `mailboxes/${mailbox}/${folder}/${name}`)]) {
    const version = await at(path);
    // A bare file that only has the same name is another message, unless it stands where this one stood.
    if (version && (path === base.path || version.id === id || version.oid === base.oid)) return version;
  }
  // Moved under another name, or to another mailbox: it is among what changed on main since this host was in line.
  const mainTree = await treeOf(state, state.view.main);
  for (const [path, change] of await diffTrees(objects, state.base, mainTree, isSyncedFolder)) {
    if (!change.after || !path.startsWith('mailboxes/')) continue;
    const version = change.after.oid === base.oid || path.endsWith('.md') ? await at(path) : undefined;
    if (version && ((id !== undefined && version.id === id) || version.oid === base.oid)) return version;
  }
  for (const other of (await listFolder(objects, tree, 'mailboxes')).keys()) {
    for (const folder of STATES) {
      const version = other === mailbox ? undefined : await at(`mailboxes/${other}/${folder}/${name}`);
      if (version && ((id !== undefined && version.id === id) || version.oid === base.oid)) return version;
    }
  }
  return undefined;
}

/** The person's own commits that main does not have, with their files outside the carried folders merged in. */
async function headToCarry(state: ExchangeState): Promise<{ commit: string; tree: string | undefined } | undefined> {
  const { repository } = state;
  const { commit: head } = await readHead(repository);
  const { main } = state.view;
  if (head === undefined || head === main) return undefined;
  if (main !== undefined && (await isAncestor(repository, head, main))) return undefined;
  const { objects } = repository;
  const { stdout, code } =
    main === undefined
      ? { stdout: Buffer.alloc(0), code: 1 }
      : await runGit(repository.dir, ['merge-base', head, main]);
  const fork = code === 0 ? stdout.toString('utf8').trim() : undefined;
  const isOutside = (name: string): boolean => !isSyncedFolder(name);
  const base = await treeOf(state, fork);
  const mainTree = await treeOf(state, main);
  const mine = await diffTrees(objects, base, await treeOf(state, head), isOutside);
  const theirs = await diffTrees(objects, base, mainTree, isOutside);
  const edits = new Map<string, TreeEntry | undefined>();
  for (const [path, { after }] of mine) {
    const other = theirs.get(path);
    if (other && other.after?.oid !== after?.oid) {
      state.hooks.onEvent({
        type: 'trouble',
        message: `${path} was changed in your commits and on main; your commits stay here, the mailboxes go on`,
        hint: 'bring them together yourself: git pull, then git push',
      });
      return undefined;
    }
    edits.set(path, after);
  }
  return { commit: head, tree: edits.size === 0 ? mainTree : await editTree(objects, mainTree, edits) };
}

/** What belongs to a host alone never travels, whoever put it into main. */
async function dropForeign(objects: Objects, tree: string): Promise<string> {
  const entry = (await objects.readTree(tree)).get('.mailboxd');
  return entry ? editTree(objects, tree, new Map([['.mailboxd', undefined]])) : tree;
}

/** `server: 3 complete, 1 failed · 2 changes`. */
function titleOf(news: LocalNews, ended: readonly HeldState[], folded: readonly SeenClaim[]): string {
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
  const boxes = [
    ...new Set([
      ...ended.map(({ mailbox }) => mailbox),
      ...folded.map(({ claim }) => locate(claim.path).mailbox ?? ''),
    ]),
  ];
  const parts = [
    ended.length + folded.length > 0 && `finish ${boxes.join(', ')}: ${count(ended.length + folded.length, 'message')}`,
    news.open.length > 0 && describeChanges(news.open),
  ].filter((part) => part !== false);
  return parts.length > 0 ? parts.join('; ') : 'bring local commits';
}

function describeChanges(open: readonly LocalChange[]): string {
  const added = open.filter(({ before, path }) => !before && path.includes('/inbox/'));
  const boxes = [...new Set(added.map(({ path }) => locate(path).mailbox ?? ''))];
  const isOnlySent = added.length === open.length;
  const [count, what] = isOnlySent ? [added.length, 'message'] : [open.length, 'file'];
  return `${isOnlySent ? `send ${boxes.join(', ')}` : 'change'}: ${count} ${what}${count === 1 ? '' : 's'}`;
}

function trailersOf({ settings }: ExchangeState, ended: readonly HeldState[], folded: readonly SeenClaim[]): string[] {
  return [
    `Mailboxd-Host: ${settings.host}`,
    ...ended.map(({ id, epoch }) => `Mailboxd-Finished: ${id} ${epoch}`),
    ...folded.flatMap(({ oid, claim }) => [
      `Mailboxd-Finished: ${claim.id ?? claim.key} ${claim.epoch}`,
      `Mailboxd-Folded: ${oid}`,
    ]),
  ];
}
