/**
 * Which tree the folders are being brought up to, in `.mailboxd/git/applying`, from before the first file is written
 * until the base says so. After a crash in between, what is there of it is no change of anybody here: main may have gone
 * on since, and a message that was brought in and finished elsewhere would come a second time.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../../store/durable.js';
import type { TreeEntry } from '../objects.js';
import { BASE_REF } from '../ref-names.js';
import { readGit } from '../run.js';
import { editTree, findEntry } from '../trees.js';
import type { ExchangeState } from './state.js';

const pathOf = ({ repository }: ExchangeState): string => join(repository.ownDir, 'applying');

/** Durable when it returns. */
export async function noteApplying(state: ExchangeState, tree: string): Promise<void> {
  await replaceFile(pathOf(state), `${tree}\n`, 0o600);
}

export function forgetApplying(state: ExchangeState): void {
  rmSync(pathOf(state), { force: true });
}

/** Takes into the base what a crash, or a disk that refused, had let come so far. */
export async function settleApplying(state: ExchangeState): Promise<void> {
  const path = pathOf(state);
  const tree = existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
  if (!/^[0-9a-f]{40}$/.test(tree)) return;
  const { objects, dir } = state.repository;
  const came = new Map<string, TreeEntry | undefined>();
  for (const { path: file, after } of (await state.working.scan(state.base)).values()) {
    const entry = await findEntry(objects, tree, file);
    if (entry?.oid === after?.oid) came.set(file, entry);
  }
  if (came.size > 0) {
    state.base = await editTree(objects, state.base, came);
    await readGit(dir, ['update-ref', BASE_REF, state.base]);
  }
  forgetApplying(state);
}
