/** A root for the campaign: two served mailboxes, one that only receives replies, the simulator at high speed. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const SERVED = ['a', 'b'];
export const SENDER = 'sender';
export const STATES = ['inbox', 'in_progress', 'complete', 'failed'];
export const KEY = 'Y2FtcGFpZ24ta2V5LWNhbXBhaWduLWtleS1jYW1wYWlnbg';

/** @param {string} dir @param {string} runner lines of YAML that choose and set up the runner */
export function makeRoot(dir, runner = 'runner: simulator\nrunners: { simulator: { duration: 15ms } }\n') {
  for (const mailbox of [...SERVED, SENDER]) {
    for (const state of STATES) mkdirSync(join(dir, 'mailboxes', mailbox, state), { recursive: true });
  }
  mkdirSync(join(dir, '.mailboxd'), { recursive: true });
  const limits = 'limits: { concurrency: 3, host_concurrency: 6, max_crashes: 60, max_attempts: 1 }\n';
  writeFileSync(
    join(dir, '.mailboxd', 'config.yaml'),
    `host: campaign-1\nkey: "${KEY}"\nserve: [${SERVED.join(', ')}]\nsettle: 100ms\n${limits}${runner}`,
  );
}

/** Every entry of the message folders: mailbox, state, name. */
export function listAll(dir) {
  const found = [];
  for (const mailbox of [...SERVED, SENDER]) {
    for (const state of STATES) {
      for (const name of readdirSync(join(dir, 'mailboxes', mailbox, state))) {
        found.push({ mailbox, state, name, path: join(dir, 'mailboxes', mailbox, state, name) });
      }
    }
  }
  return found;
}
