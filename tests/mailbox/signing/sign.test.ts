import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { readRoot } from '../../../src/mailbox/root.js';
import { checkSignature, judgeSignature } from '../../../src/mailbox/signing/check.js';
import { signWithSsh } from '../../../src/mailbox/signing/ssh-keygen.js';
import { messagePath } from '../../../src/store/paths.js';
import { testdir } from '../../support/testdir.js';
import { waitUntil } from '../../support/wait-until.js';
import { allow, makeKey, sendSigned, signedRoot } from './keys.js';

const key = makeKey();

async function checked(root: string, ...sent: Parameters<typeof sendSigned> extends [unknown, ...infer R] ? R : never) {
  const opened = readRoot(root);
  const { place } = await sendSigned(opened, ...sent);
  return { opened, place, check: await checkSignature(opened, place, Date.now()) };
}

describe('signing', () => {
  it.each([
    ['plain text', 'Hello.\n'],
    ['text without an end of line', 'Hello.'],
    ['text with CRLF', '---\r\npriority: high\r\n---\r\nHello\r\nthere.\r\n'],
    ['a byte order mark', '\ufeffHello.\n'],
    [
      'fields as people write them',
      '---\n# a note\nticket: 0x10\nsubject: "x: y"\nmetadata: { b: [1, 2.50], a: ~ }\nnot_before: 2026-01-01T00:00:00Z\n---\nHello.\n',
    ],
    ['an older signature', '---\nsignature: U1NI\n---\nHello.\n'],
    ['a text that looks like output', 'x\n\n<!-- run 1 · 1-k3jx5q2mzr7a4wvn6ctp -->\n## Run 1\n'],
  ])('holds for %s', async (_, text) => {
    const { check } = await checked(signedRoot(key), key, text);
    expect(check).toMatchObject({ refusal: undefined, epoch: -1, signedId: expect.stringMatching(/./) });
  });

  it('is one line of the front matter below 2 KB', async () => {
    const { opened, place } = await checked(signedRoot(key), key, 'Hello.\n');
    const [line = ''] = readFileSync(messagePath(opened.dir, place), 'utf8').match(/^signature: .*$/m) ?? [];
    expect(line).toMatch(/^signature: "?[A-Za-z0-9+/]+=*"?$/);
    expect(line.length).toBeLessThan(2_048);
  });

  it('covers the content of attachments', async () => {
    const file = join(testdir({ 'a.txt': 'one' }), 'a.txt');
    const { opened, place, check } = await checked(signedRoot(key), key, 'Hello.\n', { attach: [file] });
    expect(check?.refusal).toBeUndefined();
    const copy = join(opened.dir, 'attachments', check?.signedId ?? '', 'a.txt');
    writeFileSync(copy, 'two');
    expect((await checkSignature(opened, place, Date.now()))?.refusal?.message).toMatch(/or an attachment was altered/);
    execFileSync('rm', [copy]);
    expect((await checkSignature(opened, place, Date.now()))?.refusal?.message).toMatch(
      /cannot read the attachment "a.txt" \(ENOENT\)/,
    );
  });

  it('needs a sender', async () => {
    const root = readRoot(signedRoot(key));
    await expect(sendSigned(root, key, 'x', { fields: { from: undefined as never } })).rejects.toThrow(
      /found no sender/,
    );
  });

  it.each([
    ['no key', () => join(testdir(), 'none'), /found no key .*none, expected an SSH key/, /ssh-keygen -t ed25519/],
    [
      'a locked key and no terminal',
      () => makeKey('secret'),
      /it needs a passphrase, and there is no terminal/,
      /ssh-add/,
    ],
    ['a public key alone', publicOnly, /No private key found/, /no agent has its private key/],
    ['no key in it', () => join(testdir({ 'key.pub': 'nonsense\n' }), 'key'), /cannot sign with/, /try it by hand/],
  ])('says what is missing: %s', async (_, make, message, hint) => {
    const fault = await signWithSsh('x', make(), false).catch((error: unknown) => error);
    expect(fault).toMatchObject({ message: expect.stringMatching(message), hint: expect.stringMatching(hint) });
  });

  it('says how to get ssh-keygen', async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = testdir();
    try {
      await expect(signWithSsh('x', key, false)).rejects.toMatchObject({
        message: expect.stringMatching(/found no ssh-keygen on PATH/),
        hint: expect.stringMatching(/openssh-client/),
      });
    } finally {
      process.env['PATH'] = path;
    }
  });
});

function publicOnly(): string {
  const alone = join(testdir(), 'key.pub');
  copyFileSync(`${makeKey()}.pub`, alone);
  return alone;
}

describe('an agent', () => {
  let agent: ChildProcess | undefined;
  const before = process.env['SSH_AUTH_SOCK'];
  afterEach(async () => {
    if (before === undefined) delete process.env['SSH_AUTH_SOCK'];
    else process.env['SSH_AUTH_SOCK'] = before;
    if (agent?.exitCode === null) {
      agent.kill();
      await once(agent, 'exit');
    }
  });

  it('signs for a public key', async () => {
    const dir = testdir();
    const socket = join(dir, 'agent');
    agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    await waitUntil(() => existsSync(socket), { what: 'the agent' });
    process.env['SSH_AUTH_SOCK'] = socket;
    execFileSync('ssh-add', ['-q', key], { stdio: 'ignore' });
    copyFileSync(`${key}.pub`, join(dir, 'alone.pub'));
    const { check } = await checked(signedRoot(key), join(dir, 'alone.pub'), 'Hello.\n');
    expect(check?.refusal).toBeUndefined();
  });
});

describe('checking', () => {
  it('looks at no file where nothing is required and no keys are known', async () => {
    const root = signedRoot(key, '{ require: false, allowed_signers: .mailboxd/none }');
    const { check } = await checked(root, key, 'x');
    expect(check).toBeUndefined();
  });

  it('is done again when the file is another than was checked', async () => {
    const { opened, check } = await checked(signedRoot(key), key, 'x');
    if (!check) throw new Error('it was not checked');
    expect(judgeSignature(opened, check, check.bytes, false)).toBeUndefined();
    expect(judgeSignature(opened, check, Buffer.concat([check.bytes, Buffer.from(' ')]), false)).toBe('again');
    const gone = await checkSignature(opened, { ...check.place, name: 'none.md' }, Date.now());
    expect(gone && judgeSignature(opened, gone, check.bytes, false)).toBe('again');
  });

  it('asks ssh-keygen once for the same message and keys', async () => {
    const root = signedRoot(key);
    const { opened, place, check } = await checked(root, key, 'x');
    expect(check?.refusal).toBeUndefined();
    const path = process.env['PATH'];
    process.env['PATH'] = testdir();
    try {
      expect((await checkSignature(opened, place, Date.now()))?.refusal).toBeUndefined();
      allow(root, ['laptop', key], ['ops', key]);
      await expect(checkSignature(opened, place, Date.now())).rejects.toThrow(/found no ssh-keygen/);
    } finally {
      process.env['PATH'] = path;
    }
  });

  it('waits for keys where they are required and missing: that is not the message’s fault', async () => {
    const root = signedRoot(key, '{ require: true, allowed_signers: .mailboxd/none }');
    await expect(checked(root, key, 'x')).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/found no file .*none, expected the keys that may sign for laptop/),
    });
  });
});
