/** SSH keys of the tests' own, and roots whose host knows them. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readRoot, type Root } from '../../../src/mailbox/root.js';
import { sendMessage, type Draft, type Sent } from '../../../src/mailbox/send.js';
import { systemClock } from '../../../src/mailbox/clock.js';
import { testRoot } from '../../support/daemon.js';
import { testdir } from '../../support/testdir.js';

/** A new ed25519 key; the path of its private half. */
export function makeKey(passphrase = ''): string {
  const key = join(testdir(), 'key');
  try {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-C', 'test', '-f', key]);
  } catch (error) {
    const hint = 'these tests need ssh-keygen: apt-get install openssh-client (Debian, Ubuntu)';
    throw new Error(hint, { cause: error });
  }
  return key;
}

export function publicKey(key: string): string {
  return readFileSync(`${key}.pub`, 'utf8').trim();
}

export function allow(root: string, ...keys: [from: string, key: string][]): void {
  const lines = keys.map(([from, key]) => `${from} namespaces="mailboxd" ${publicKey(key)}\n`);
  writeFileSync(join(root, '.mailboxd/allowed_signers'), lines.join(''));
}

/** A root like `testRoot`, whose host knows `key` as laptop's; `signatures` is the rule in its configuration. */
export function signedRoot(key: string, signatures = '{ require: true }', yaml = ''): string {
  const root = testRoot(`signatures: ${signatures}\n${yaml}`);
  allow(root, ['laptop', key]);
  return root;
}

/** What `mailboxd send --sign=<key>` would deliver from laptop to server. */
export function sendSigned(root: string | Root, key: string, text: string, more: Partial<Draft> = {}): Promise<Sent> {
  const opened = typeof root === 'string' ? readRoot(root) : root;
  const fields = { from: 'laptop', ...more.fields };
  return sendMessage(opened, systemClock, { to: 'server', text, sign: key, ...more, fields });
}
