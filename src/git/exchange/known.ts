/**
 * The tip of main that this host goes on from, in `.mailboxd/git/known`. A fetch moves its picture of the remote before
 * anyone can judge what came; this moves only after that, so that a rewrite is found again after a crash, too.
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExchangeState } from './state.js';

export function readKnown(ownDir: string): string | undefined {
  const path = join(ownDir, 'known');
  const text = existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
  return /^[0-9a-f]{40}$/.test(text) ? text : undefined;
}

export function noteKnown({ repository, view }: ExchangeState): void {
  setKnown(repository.ownDir, view.main);
}

/** Undefined: none, any more. */
export function setKnown(ownDir: string, tip: string | undefined): void {
  const path = join(ownDir, 'known');
  if (tip === undefined) return rmSync(path, { force: true });
  writeFileSync(`${path}.new`, `${tip}\n`);
  renameSync(`${path}.new`, path);
}
