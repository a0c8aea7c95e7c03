/** The person's branch behind the exchange: following it, and telling what git did to the folders from what they did. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type Followed, followMain, isAncestor, readHead } from '../checkout.js';
import type { TreeEntry } from '../objects.js';
import { runGit } from '../run.js';
import { findEntry } from '../trees.js';
import { BRANCH } from '../repository.js';
import type { LocalChange } from '../working-tree.js';
import { type ExchangeState, treeOf } from './state.js';

/** Whether `head` is on main already; remembered, for main only grows. */
export async function isBehind(state: ExchangeState, head: string): Promise<boolean> {
  const { main } = state.view;
  if (main === undefined) return false;
  if (head === main || head === state.behind) return true;
  if (!(await isAncestor(state.repository, head, main))) return false;
  state.behind = head;
  return true;
}

/** `carries`: it has commits that are to be brought to main first. */
export type Following = Followed | { kind: 'carries' };

/** Brings branch and index forward, or says why not. */
export async function follow(state: ExchangeState): Promise<Following> {
  const { repository, view } = state;
  const { commit: head } = await readHead(repository);
  if (view.main === undefined || head === view.main) return { kind: 'followed' };
  if (head !== undefined && !(await isBehind(state, head))) return { kind: 'carries' };
  const followed = await followMain(repository, head, view.main);
  state.headLog = headLogOf(state);
  // `git status` compares with what their last fetch saw: that much of it the exchange knows better.
  if (followed.kind === 'followed') await noteUpstream(state, view.main);
  return followed;
}

/** Moves `origin/main` on, where origin is this remote. */
async function noteUpstream({ repository, remote }: ExchangeState, main: string): Promise<void> {
  if (repository.origin !== remote.url) return;
  await runGit(repository.dir, ['update-ref', '-m', 'mailboxd: followed main', `refs/remotes/origin/${BRANCH}`, main]);
}

export async function isFollowing(state: ExchangeState): Promise<boolean> {
  return (await readHead(state.repository)).commit === state.view.main;
}

/** When git last did something to HEAD here (a reset, a stash), as the reflog's time tells. */
export function headLogOf({ repository }: ExchangeState): bigint {
  return statSync(join(repository.gitDir, 'logs', 'HEAD'), { bigint: true, throwIfNoEntry: false })?.mtimeNs ?? 0n;
}

/** Whether main itself once stood there: a person's own commit, which a later one carries along, never was main. */
async function wasMain({ repository, view }: ExchangeState, head: string): Promise<boolean> {
  if (view.main === undefined) return false;
  const args = ['rev-list', '--first-parent', '-n', String(FAR_BACK), view.main, '--'];
  const { code, stdout } = await runGit(repository.dir, args);
  return code === 0 && stdout.toString('latin1').split('\n').includes(head);
}

/** How many commits of main a branch may be behind to be known as one that follows. */
const FAR_BACK = 2_000;

/**
 * Where git has put the folders back to what the person's branch has (a stash, a reset) while main is ahead of it, that
 * is no wish of theirs to undo what others did: those files, as the branch has them, for the base to take note. Only
 * where git did something to HEAD that was not the exchange's doing.
 */
export async function findPutBack(
  state: ExchangeState,
  found: ReadonlyMap<string, LocalChange>,
): Promise<Map<string, TreeEntry | undefined>> {
  const back = new Map<string, TreeEntry | undefined>();
  const log = headLogOf(state);
  if (log === state.headLog || found.size === 0) return back;
  const { commit: head } = await readHead(state.repository);
  if (head === undefined || head === state.view.main || !(await wasMain(state, head))) return back;
  const tree = await treeOf(state, head);
  for (const { path, before, after } of found.values()) {
    const entry = await findEntry(state.repository.objects, tree, path);
    if (entry?.oid === after?.oid && before?.oid !== after?.oid) back.set(path, entry);
  }
  return back;
}
