/** Where the bench works: fresh directories of its own, an environment built from nothing, roots with a configuration. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const project = fileURLToPath(new URL('../../', import.meta.url));

/**
 * All that a program of the bench gets to see; `home` is made.
 * @param {string} home
 * @param {Record<string, string>} [more]
 * @returns {Record<string, string>}
 */
export function isolated(home, more = {}) {
  mkdirSync(home, { recursive: true });
  return { PATH: process.env.PATH ?? '', HOME: home, ...more };
}

/**
 * A root with mailboxes and a configuration; nothing in it is deleted until the bench ends, since ext4 makes new files
 * slowly for minutes after many were deleted. `config` is written as JSON, which is YAML.
 * @param {string} dir
 * @param {Record<string, unknown>} [config]
 */
export function makeRoot(dir, config = {}) {
  const mailboxes = config.serve ?? ['server'];
  for (const mailbox of mailboxes) {
    for (const state of ['inbox', 'in_progress', 'complete', 'failed']) {
      mkdirSync(join(dir, 'mailboxes', mailbox, state), { recursive: true });
    }
  }
  mkdirSync(join(dir, '.mailboxd'), { recursive: true });
  const identity = { host: 'bench-0000', key: randomBytes(32).toString('base64url'), serve: mailboxes };
  const instant = { runner: 'simulator', runners: { simulator: { duration: '0s' } } };
  writeFileSync(join(dir, '.mailboxd/config.yaml'), JSON.stringify({ ...identity, ...instant, ...config }));
  return dir;
}

/**
 * @param {string} root
 * @param {string} mailbox
 * @param {string} state
 */
export function folder(root, mailbox, state) {
  return join(root, 'mailboxes', mailbox, state);
}
