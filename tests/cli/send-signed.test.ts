import { appendFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readRoot } from '../../src/mailbox/root.js';
import { checkSignature } from '../../src/mailbox/signing/check.js';
import { allow, makeKey } from '../mailbox/signing/keys.js';
import { makeRoot, type Result } from './harness.js';

const key = makeKey();

/** Whether what was sent has a signature that holds here. */
async function isSigned(dir: string, sent: Result): Promise<boolean> {
  expect(sent.err).toBe('');
  const check = await checkSignature(
    readRoot(dir),
    { mailbox: 'server', state: 'inbox', name: sent.json().name },
    Date.now(),
  );
  expect(check?.refusal).toBeUndefined();
  return check?.signedId !== undefined;
}

describe('send --sign', () => {
  test('signs with the key that is named, or the configured one, or none', async () => {
    const { dir, mb } = await makeRoot();
    allow(dir, ['laptop', key]);
    renameSync(key, join(dir, 'key'));
    renameSync(`${key}.pub`, join(dir, 'key.pub'));
    expect(await isSigned(dir, await mb('send', 'server', 'x', '--json'))).toBe(false);
    for (const way of [['--sign', 'key'], ['--sign', join(dir, 'key')], ['--sign=~/key']]) {
      const sent = await mb('send', 'server', 'x', '--json', ...way);
      expect(await isSigned(dir, sent), way.join(' ')).toBe(true);
    }
    appendFileSync(join(dir, '.mailboxd/config.yaml'), '\nsign: key\n');
    expect(await isSigned(dir, await mb('send', 'server', 'x', '--json'))).toBe(true);
    expect(await isSigned(dir, await mb('send', 'server', 'x', '--json', '--no-sign'))).toBe(false);
  });

  test('says what it found when it cannot, and sends nothing', async () => {
    const { dir, mb } = await makeRoot();
    const sent = await mb('send', 'server', 'x', '--sign', 'none');
    expect(sent.code).toBe(3);
    expect(sent.err).toContain(`found no key ${join(dir, 'none')}, expected an SSH key to sign with`);
    const alone = await mb('send', 'server', 'x', '--sign');
    expect(alone).toMatchObject({ code: 64, err: expect.stringContaining('--sign: found no value') });
    expect((await mb('list', '--json')).json().total).toBe(0);
  });
});
