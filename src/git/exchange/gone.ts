import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Edit } from '../apply.js';
import { isSyncedPath } from '../synced-paths.js';
import type { ExchangeState } from './state.js';

/** What was missing last time, and what main was then: the same is no reason to wait twice. */
const missed = new WeakMap<ExchangeState, string>();

/**
 * Whether a file that main changes is not there any more: it was moved since the folders were read, and main's version
 * belongs where it is now, not where it was.
 */
export function hasGone(state: ExchangeState, edits: readonly Edit[]): boolean {
  const { dir } = state.repository;
  const gone = edits.find(
    ({ path, expected }) =>
      expected !== undefined && isSyncedPath(path) && !lstatSync(join(dir, path), { throwIfNoEntry: false }),
  );
  const what = gone && `${state.view.main} ${gone.path}`;
  if (what === undefined || missed.get(state) === what) return false;
  missed.set(state, what);
  return true;
}
