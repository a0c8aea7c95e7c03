/**
 * What this host was about to bring to main, written down before the push: when the answer is lost, or this process is,
 * what had landed is not taken for something new the next time.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../../store/durable.js';
import { isAncestor } from '../checkout.js';
import type { GitClaim } from '../claim-commit.js';
import type { TreeEntry } from '../objects.js';
import { BASE_REF } from '../ref-names.js';
import { readGit } from '../run.js';
import { editTree, findEntry } from '../trees.js';
import { type ExchangeState, type Pending, treeOf } from './state.js';

export function readPending(ownDir: string): Pending[] {
  try {
    return JSON.parse(readFileSync(join(ownDir, 'pending.json'), 'utf8')) as Pending[];
  } catch {
    return []; // none, or a crash before the first push
  }
}

/** Durable when it returns. */
export async function notePending(state: ExchangeState, pending: Pending[]): Promise<void> {
  if (pending.length === 0 && state.pending.length === 0) return;
  state.pending = pending;
  await replaceFile(join(state.repository.ownDir, 'pending.json'), `${JSON.stringify(pending)}\n`, 0o600);
}

/** It landed and the base says so. (Were it read again after a crash, it would say the same.) */
export function forgetPending(state: ExchangeState): void {
  state.pending = [];
  rmSync(join(state.repository.ownDir, 'pending.json'), { force: true });
}

/** After a look: what has landed is what the folders were in line with; what can land no more is forgotten. */
export async function settlePending(state: ExchangeState): Promise<void> {
  const { pending, view, repository } = state;
  if (pending.length === 0) return;
  const left: Pending[] = [];
  for (const item of pending) {
    if (view.main !== undefined && (await isAncestor(repository, item.commit, view.main))) await takeIn(state, item);
    // As long as main is what it was made for, it may land yet.
    else if ((view.main ?? null) === item.from) left.push(item);
  }
  await notePending(state, left);
}

/** A done claim of this host was folded into main by somebody: what it carried is what the folders here have. */
export async function takeInEnd(state: ExchangeState, { path, shown, done }: GitClaim): Promise<void> {
  const base = new Map<string, TreeEntry | undefined>([[path, undefined]]);
  if (shown) base.set(shown.path, undefined);
  if (done?.to) base.set(done.to.path, { mode: '100644', oid: done.to.blob });
  await moveBase(state, base);
}

async function takeIn(state: ExchangeState, { commit, carried }: Pending): Promise<void> {
  const { objects } = state.repository;
  const tree = await treeOf(state, commit);
  const base = new Map<string, TreeEntry | undefined>();
  for (const [path, oid] of carried) {
    const entry = await findEntry(objects, tree, path);
    // Where the merge made something else of it, the folder has yet to get that.
    base.set(path, oid === null ? undefined : entry?.oid === oid ? entry : { mode: '100644', oid });
  }
  await moveBase(state, base);
}

async function moveBase(state: ExchangeState, base: Map<string, TreeEntry | undefined>): Promise<void> {
  if (base.size === 0) return;
  const { objects, dir } = state.repository;
  for (const [path, entry] of base) if (entry && !(await exists(state, entry.oid))) base.delete(path);
  const next = await editTree(objects, state.base, base);
  if (next === state.base) return;
  state.base = next;
  await readGit(dir, ['update-ref', BASE_REF, next]);
}

export async function exists(state: ExchangeState, oid: string): Promise<boolean> {
  return state.repository.objects.readBlob(oid).then(
    () => true,
    () => false,
  );
}
