/**
 * One exchange: look at the folders, publish what is new, and bring the folders up to main. Called by one at a time.
 * While a person is in the middle of something of their own (a rebase, another branch), nothing is read or written.
 */
import { clashPath } from '../../core/merge.js';
import { applyEdits, isExecutable, ODD_NAME, type Edit } from '../apply.js';
import { readHead } from '../checkout.js';
import { BASE_REF, SEEN } from '../ref-names.js';
import { isAccepted, type RefUpdate } from '../remote.js';
import { findBusy, type Busy } from '../repository.js';
import { readGit } from '../run.js';
import { isSyncedFolder } from '../synced-paths.js';
import { diffTrees, editTree, findEntry } from '../trees.js';
import type { LocalChange } from '../working-tree.js';
import type { TreeEntry } from '../objects.js';
import { forgetApplying, noteApplying, settleApplying } from './applying.js';
import { findPutBack } from './follow.js';
import { hasGone } from './gone.js';
import { noteKnown } from './known.js';
import { finishAside } from './finish-aside.js';
import { look } from './look.js';
import { forgetRefusals, mustBeExplained } from './refusals.js';
import { dropRefused, findRefused, readablePath } from './refuse.js';
import { exists, forgetPending, notePending, settlePending } from './pending.js';
import { endedNow, sortNews, type LocalNews } from './news.js';
import { buildPublication, type Publication } from './publish.js';
import { treeOf, withRefs, type ExchangeState } from './state.js';
import { pathsTogether } from './together.js';

export interface RoundResult {
  /** A person is busy: the folders were left alone. */
  busy?: Busy;
  /** The race for main was lost each time; the rest is for the next round. */
  isUnfinished: boolean;
  /** Files or commits that went out or came in. */
  moved: number;
}

/** Races for main that one round runs. */
const RACES = 3;

export async function exchangeOnce(state: ExchangeState, how: { deep?: boolean } = {}): Promise<RoundResult> {
  const busy = await findBusy(state.repository);
  if (busy) return { busy, isUnfinished: false, moved: 0 };
  // A full disk may have broken off the last one.
  await settleApplying(state);
  let moved = 0;
  let isUnfinished = false;
  let news = await readNews(state, how.deep ?? false);
  for (let races = 0; ; races += 1) {
    const publication = await buildPublication(state, news);
    if (!publication) {
      // A quiet round: main is as good as free again, and may show what runs.
      if (races === 0) state.contention = Math.floor(state.contention / 2);
      break;
    }
    if (await publish(state, publication)) {
      moved += publication.messages;
      news = afterPublishing(news, publication);
      tell(state, publication);
      // Whatever else there is to fold came with a look; nothing is left to publish.
      const files = await bringUp(state, news, publication.carried);
      if (files === undefined) await settlePending(state);
      else forgetPending(state);
      return { isUnfinished: files === undefined, moved };
    }
    await look(state);
    mustBeExplained(state, updatesOf(publication));
    if (await finishAside(state, news)) news = await readNews(state, false);
    if (races + 1 >= RACES) {
      isUnfinished = true;
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 30 * 2 ** races));
  }
  const files = await bringUp(state, news, new Map());
  return { isUnfinished: isUnfinished || files === undefined, moved: moved + (files ?? 0) };
}

function updatesOf({ main, claims }: Publication): RefUpdate[] {
  return main ? [main, ...claims] : claims;
}

async function readNews(state: ExchangeState, deep: boolean): Promise<LocalNews> {
  const ended = endedNow(state);
  const { commit: head } = await readHead(state.repository);
  let found = await state.working.scan(state.base, { deep });
  // A file that was moved while the folders were read may have been seen in neither: what is gone is looked for again.
  if (hasUnpaired(found)) found = await state.working.scan(state.base, { deep });
  const back = await findPutBack(state, found);
  if (back.size > 0 && state.base !== undefined) {
    await setBase(state, await editTree(state.repository.objects, state.base, back));
    for (const path of back.keys()) found.delete(path);
  }
  return sortNews(state, found, { ended, head });
}

/** Whether a message is gone without having come anywhere. */
function hasUnpaired(found: ReadonlyMap<string, LocalChange>): boolean {
  const came = new Set<string>();
  for (const { path, after } of found.values()) if (after) came.add(after.oid).add(path.slice(path.lastIndexOf('/')));
  return [...found.values()].some(
    ({ path, before, after }) =>
      !after && before && path.endsWith('.md') && !came.has(before.oid) && !came.has(path.slice(path.lastIndexOf('/'))),
  );
}

async function setBase(state: ExchangeState, tree: string): Promise<void> {
  if (tree === state.base) return;
  state.base = tree;
  // With it what this host knows of main, its own pushes too: a remote put back to before them is found rewritten.
  const { main } = state.view;
  const input = `update ${BASE_REF} ${tree}\n${main === undefined ? '' : `update ${SEEN}/main ${main}\n`}`;
  await readGit(state.repository.dir, ['update-ref', '--stdin'], { input });
}

/** True when the remote has it; after anything else it is decided by a look. */
async function publish(state: ExchangeState, publication: Publication): Promise<boolean> {
  const { main, ended, commit } = publication;
  for (const held of ended) held.ends.push(commit);
  if (ended.length > 0) await state.held.save();
  const carried = [...publication.carried].map(([path, oid]): [string, string | null] => [path, oid ?? null]);
  const from = state.view.main ?? null;
  if (main && carried.length > 0) await notePending(state, [...state.pending.slice(-9), { commit, from, carried }]);
  const result = await state.remote.push(updatesOf(publication), { atomic: true });
  if (!isAccepted(result)) {
    if (result.kind === 'unknown') throw result.problem;
    for (const held of ended) held.lostRaces += 1;
    state.contention = Math.min(10, state.contention + 2);
    return false;
  }
  // What it carried is forgotten when the folders are in line with it: bringUp notes the new base.
  forgetRefusals(state);
  state.contention = Math.max(0, state.contention - 1);
  for (const held of ended) state.held.all.delete(held.key);
  for (const { claim } of publication.folded) state.seen.delete(claim.key);
  if (ended.length > 0) await state.held.save();
  const gone = [...ended.map(({ key }) => key), ...publication.folded.map(({ claim }) => claim.key)];
  state.view = withRefs(
    { ...state.view, main: commit === '' ? undefined : commit },
    gone.map((key) => [`claims/${key}`, undefined]),
  );
  noteKnown(state);
  return true;
}

/** What is still to be published after that. */
function afterPublishing(news: LocalNews, { ended }: Publication): LocalNews {
  const claimed = new Map(news.claimed);
  for (const { key } of ended) claimed.delete(key);
  return { ...news, open: [], claimed };
}

/**
 * Brings the folders up to main, but for what is not published yet. Returns how many files came or went; undefined: one
 * was moved since the folders were read, and nothing was done, for where it went is to be seen first.
 */
async function bringUp(
  state: ExchangeState,
  news: LocalNews,
  carried: ReadonlyMap<string, string | undefined>,
): Promise<number | undefined> {
  const { repository, view } = state;
  const { objects } = repository;
  const wholeTree = await treeOf(state, view.main);
  if (wholeTree === undefined || (wholeTree === state.base && carried.size === 0)) return 0;
  // What is refused never comes here; the base lacks it, so that it is taken out of main as soon as that succeeds.
  const mainTree = await dropRefused(objects, wholeTree, await findRefused(objects, state.base, wholeTree));
  const kept = keptPaths(state, news);
  const edits: Edit[] = [];
  const differing = await diffTrees(objects, state.base, mainTree, isSyncedFolder);
  const base = new Map<string, TreeEntry | undefined>();
  const edited = news.open.filter(({ path }) => differing.has(path));
  const waiting = await pathsTogether(objects, differing, new Map(edited.map(({ path }) => [path, undefined])));
  for (const path of new Set([...differing.keys(), ...carried.keys()])) {
    const change = differing.get(path);
    const before = change ? change.before : await findEntry(objects, state.base, path);
    const to = change ? change.after : before;
    if (kept(path) || waiting.has(path)) base.set(path, before);
    else {
      const expected = carried.has(path) ? carried.get(path) : before?.mode.startsWith('100') ? before.oid : undefined;
      const isOtherMode = before && to && isExecutable(before) !== isExecutable(to);
      if (expected !== to?.oid || (isOtherMode && !carried.has(path))) edits.push({ path, expected, to });
    }
  }
  if (hasGone(state, edits)) return undefined;
  if (edits.length > 0) await noteApplying(state, mainTree);
  const applied = await applyEdits(repository.dir, repository.ownDir, objects, edits);
  const entryOfBase = async (path: string): Promise<TreeEntry | undefined> =>
    differing.has(path) ? differing.get(path)?.before : findEntry(objects, state.base, path);
  for (const { edit, why } of applied.left) {
    // What can never be written here must not be taken for a deletion by somebody here.
    if (why === ODD_NAME)
      state.hooks.onEvent({ type: 'trouble', message: `${edit.path} from main is left alone: ${why}` });
    else {
      const oid = carried.get(edit.path);
      const isOld = oid !== undefined && (await exists(state, oid));
      base.set(edit.path, isOld ? { mode: '100644', oid } : await entryOfBase(edit.path));
    }
  }
  const torn = new Map(
    applied.left.filter(({ why }) => why !== ODD_NAME).map(({ edit }) => [edit.path, edit.expected]),
  );
  const parted = await pathsTogether(objects, differing, torn);
  const undone = applied.done.filter(({ path }) => parted.has(path) && !torn.has(path));
  const back = undone.map(({ path, to }) => ({ path, expected: to?.oid, to: differing.get(path)?.before }));
  const undoing = await applyEdits(repository.dir, repository.ownDir, objects, back);
  for (const { path, to } of undoing.done) base.set(path, to);
  if (applied.done.length > 0) state.hooks.onApplied(applied.done.map(({ path }) => path));
  const incoming = applied.done.length;
  if (incoming > 0) state.hooks.onEvent({ type: 'arrived', files: incoming });
  await setBase(state, base.size === 0 ? mainTree : await editTree(objects, mainTree, base));
  if (edits.length > 0) forgetApplying(state);
  tellMoved(state, differing);
  return incoming;
}

/** Paths that a round must leave as they are: of messages that run here, and what is not published yet. */
function keptPaths(state: ExchangeState, news: LocalNews): (path: string) => boolean {
  const kept = new Set<string>();
  for (const { path } of news.open) kept.add(path);
  for (const { change } of news.withheld) kept.add(change.path);
  for (const changes of news.claimed.values()) for (const { path } of changes) kept.add(path);
  for (const held of state.held.all.values()) {
    kept.add(held.path);
    if (held.shown) kept.add(held.shown.path);
    // Where a clash renamed it on main: here it would look like another message that waits.
    else kept.add(clashPath({ path: held.path, oid: held.blob }));
  }
  return (path) => kept.has(path);
}

/** A message that runs here and is no longer where main had it, nor shown in progress: a person moved it. */
function tellMoved(state: ExchangeState, differing: Awaited<ReturnType<typeof diffTrees>>): void {
  for (const held of state.held.all.values()) {
    if (!held.isActive || held.isLost) continue;
    const at = held.shown?.path ?? held.path;
    const change = differing.get(at);
    if (!change || change.after) continue;
    // Another name in the same folder is the merge's doing, where two files had the same.
    const folder = at.slice(0, at.lastIndexOf('/') + 1);
    const renamed = [...differing].find(
      ([path, { after }]) =>
        path.startsWith(folder) && after?.oid === change.before?.oid && !path.slice(folder.length).includes('/'),
    );
    if (!renamed) state.hooks.onMoved(held);
    else if (held.shown) held.shown = { ...held.shown, path: renamed[0] };
    // A bare file is known here by its path alone: under another, what left it would be a person's deletion.
    else if (!held.key.startsWith('file.')) held.path = renamed[0];
  }
}

function tell(state: ExchangeState, { commit, messages, title, refused }: Publication): void {
  for (const { parts, why } of refused)
    state.hooks.onEvent({ type: 'trouble', message: `${readablePath(parts)} was taken out of main: ${why}` });
  state.hooks.onEvent({ type: 'published', messages, commit, title });
}
