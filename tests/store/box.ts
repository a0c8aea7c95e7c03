/** A mailbox `server` in a folder of its own. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { STATES, type Place, type State } from '../../src/core/message.js';
import { testdir } from '../support/testdir.js';

export function makeBox(files: Record<string, string> = {}): string {
  const root = testdir();
  for (const state of STATES) mkdirSync(join(root, 'mailboxes/server', state), { recursive: true });
  for (const [path, text] of Object.entries(files)) writeFileSync(join(root, 'mailboxes/server', path), text);
  return root;
}

export const at = (state: State, name: string): Place => ({ mailbox: 'server', state, name });
export const names = (root: string, state: State): string[] =>
  readdirSync(join(root, 'mailboxes/server', state)).toSorted();
export const read = (root: string, state: State, name: string): string =>
  readFileSync(join(root, 'mailboxes/server', state, name), 'utf8');
export const pathIn = (root: string, state: State, name: string): string => join(root, 'mailboxes/server', state, name);
