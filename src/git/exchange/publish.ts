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
  type RunRules,
} from '../../core/merge.js';
import { MailboxError } from '../../core/errors.js';
import { STATES, type State } from '../../core/message.js';
import { appendRunTo, followUpOf, isRunOf } from '../../format/merge-content.js';
import type { HeldState } from '../held.js';
import { blobOid, EMPTY_TREE, type TreeEntry } from '../objects.js';
import { refOf } from '../ref-names.js';
import type { RefUpdate } from '../remote.js';
import { isSyncedFolder } from '../synced-paths.js';
import { diffTrees, editTree, findEntry } from '../trees.js';
import type { LocalChange } from '../working-tree.js';
import { titleOf, trailersOf } from './commit-message.js';
import { headToCarry } from './head.js';
import type { LocalNews } from './news.js';
import { dropRefused, findRefused, type Refused } from './refuse.js';
import { type ExchangeState, type SeenClaim, treeOf } from './state.js';
import { asChange, asTreeChange, findCurrent, knownPaths, versionOf } from './versions.js';

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
  /** What it takes out of main. */
  refused: Refused[];
}

/** A command line must hold them; the others are folded next time. */
const MOST_FOLDED = 400;

/** Undefined when there is nothing to publish. */
export async function buildPublication(state: ExchangeState, news: LocalNews): Promise<Publication | undefined> {
  const { objects } = state.repository;
  const mainTree = await treeOf(state, state.view.main);
  const ended = [...state.held.all.values()].filter(
    (held) => news.ended.has(held.key) && held.isEnded && !held.isLost && !held.isDone && held.current !== undefined,
  );
  const done = [...state.seen.values()].filter(({ claim, unusable }) => claim.done !== undefined && !unusable);
  const folded = done.slice(0, MOST_FOLDED);
  const head = await headToCarry(state, news.head);
  const refused = await findRefused(objects, state.base, mainTree);
  const isNothing = news.open.length === 0 && ended.length === 0 && folded.length === 0 && refused.length === 0;
  if (isNothing && head === undefined) return undefined;

  const notes: MergeNote[] = [];
  const carried = new Map<string, string | undefined>();
  const cleanTree = mainTree && (await dropRefused(objects, mainTree, refused));
  let tree = cleanTree ?? EMPTY_TREE;
  if (head?.tree !== undefined) tree = await dropRefused(objects, head.tree, refused);
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
    for (const [path, change] of await diffTrees(objects, state.base, cleanTree, isSyncedFolder))
      theirs.push(await asTreeChange(objects, path, change));
    const merged = mergeChanges(
      pairChanges(ours),
      pairChanges(theirs),
      await knownPaths(objects, tree, [...ours, ...theirs]),
      RULES,
    );
    notes.push(...merged.notes);
    await put(merged.edits);
    for (const { path, before, after } of news.open) {
      const there = before && after?.oid === before.oid ? await findEntry(objects, tree, path) : undefined;
      if (after && there?.oid === after.oid)
        tree = await editTree(objects, tree, [[path, { mode: after.mode, oid: after.oid }]]);
    }
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
    const merged = mergeFinish({ base: shown ?? base, shown, result, current, has, followUp, appendRun });
    notes.push(...merged.notes);
    await put(merged.edits);
  };
  for (const held of ended) {
    const changes = news.claimed.get(held.key) ?? [];
    const [result] = resultsOf(held, changes);
    // Whatever else it left here (a late version, a copy) is a file of its own, for the next round.
    for (const { path, after } of changes) if (!after || path === result?.path) carried.set(path, after?.oid);
    const isUntouched = changes.length === 0;
    const base = await versionOf(objects, held.path, held.blob, held.id);
    await finishOf(base, isUntouched ? base : result, held.id, held.shown);
  }
  for (const seen of [...folded]) {
    const { claim } = seen;
    try {
      const base = await versionOf(objects, claim.path, claim.blob, claim.id);
      const to = claim.done?.to;
      await finishOf(base, to && (await versionOf(objects, to.path, to.blob, claim.id)), claim.id, claim.shown);
    } catch (error) {
      if (!(error instanceof MailboxError) || !['not_found', 'invalid'].includes(error.code)) throw error;
      // Anyone may push such a claim, and another host may have what this one lacks: no reason to stop.
      seen.unusable = true;
      folded.splice(folded.indexOf(seen), 1);
      const message = `the result of ${claim.key}, by ${claim.worker}, cannot be used here: ${error.message}`;
      state.hooks.onEvent({ type: 'trouble', message });
    }
  }
  // A person's own commit, too, may hold what belongs to a host alone.
  tree = await dropRefused(objects, tree, await findRefused(objects, cleanTree, tree));

  const claims = [
    ...ended.map(({ key, current }) => ({
      ref: refOf(state.remote.space, 'claims', key),
      from: current ?? null,
      to: null,
    })),
    ...folded.map(({ claim, oid }) => ({ ref: refOf(state.remote.space, 'claims', claim.key), from: oid, to: null })),
  ];
  const title = titleOf(news, ended, folded, refused.length);
  const messages = news.open.length + ended.length + folded.length;
  const common = { claims, ended, folded, carried, title, notes, messages, refused };
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

const appendRun = (current: FileVersion, result: FileVersion, isOnlyMoved: boolean): FileVersion => {
  const state: State = STATES.find((name) => name === locate(current.path).state) ?? 'inbox';
  const bytes = appendRunTo(current.bytes, result.bytes, state, isOnlyMoved);
  return { ...current, bytes, oid: blobOid(bytes) };
};

const RULES: RunRules = { followUp, appendRun, isRun: (before, after) => isRunOf(before.bytes, after.bytes) };

/** The files that a finished message left here, its own first. */
function resultsOf(held: HeldState, changes: readonly LocalChange[]): FileVersion[] {
  const name = held.path.split('/').at(-1);
  const rank = ({ path }: FileVersion): number =>
    (path.endsWith(`/${name}`) ? 0 : 2) + (path.includes('/in_progress/') ? 4 : 0) + (path === held.path ? 1 : 0);
  return changes
    .flatMap(({ path, after }) => (after ? [{ path, oid: after.oid, bytes: after.bytes, id: held.id }] : []))
    .toSorted((one, other) => rank(one) - rank(other));
}
