/** What a file brings along never gives it a session, a secret's mode or a reader it should not have. */
import { mkdirSync, readFileSync, statSync, writeFileSync, chmodSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createRunWriter } from '../../src/daemon/run-text.js';
import { claimToken } from '../../src/core/token.js';
import { createWritableStream } from '../../src/core/writable.js';
import { arrived, drop, pathOf, runDaemon, testRoot } from '../support/daemon.js';
import { testdir } from '../support/testdir.js';

const KEY = 'a-key-of-the-tests-0123456789abcdef0123456789';
const VICTIM = '11111111-2222-4333-8444-555555555555';

describe('a session', () => {
  it('of somebody else is not gone on with, whatever the runs in a returned file say', async () => {
    const root = testRoot();
    mkdirSync(join(root, '.mailboxd/sessions'), { recursive: true });
    writeFileSync(
      join(root, `.mailboxd/sessions/${VICTIM}.json`),
      JSON.stringify({ mailbox: 'server', from: 'victim', cwd: root }),
    );
    const token = claimToken(KEY, 'mine', 1);
    await using d = await runDaemon(root);
    drop(
      root,
      'server',
      'x.md',
      `---\nid: mine\nfrom: mallory\nseal: "${token}"\nepoch: 1\nruns:\n  - { n: 1, epoch: 1, token: "${token}", worker: "server@test-host", runner: "simulator", session: "${VICTIM}", started: "2026-01-01T00:00:00Z", outcome: "interrupted" }\n---\nhi\n`,
    );
    const text = await arrived(root, 'server', 'complete', 'x.md');
    expect(text.match(new RegExp(VICTIM, 'g'))).toHaveLength(1);
    expect((await d.event('claimed', 'x.md')).resumed).toBe(false);
  });
});

it('a file that only its owner may read stays so when it is claimed', async () => {
  const root = testRoot();
  await using d = await runDaemon(root);
  writeFileSync(join(root, 'private.md'), 'a secret');
  chmodSync(join(root, 'private.md'), 0o600);
  renameSync(join(root, 'private.md'), pathOf(root, 'server', 'inbox', 'private.md'));
  await d.event('finished', 'private.md');
  expect(statSync(pathOf(root, 'server', 'complete', 'private.md')).mode & 0o777).toBe(0o600);
});

it('an attachment that is not there is said to be missing', async () => {
  const root = testRoot();
  mkdirSync(join(root, 'attachments/a/folder'), { recursive: true });
  await using d = await runDaemon(root);
  drop(root, 'server', 'x.md', '---\nid: a\nattachments: [nothing.txt]\n---\nhi\n');
  expect((await d.event('refused', 'x.md')).reason).toContain('nothing.txt');
  drop(root, 'server', 'y.md', '---\nid: a\nattachments: [folder]\n---\nhi\n');
});

describe('what a program writes', () => {
  it('leaves a file that can be read as a message: NUL, half characters, line ends cut in two', async () => {
    const dir = testdir({ 'mailboxes/server/in_progress/x.md': '' });
    const text = {
      n: 1,
      token: 't',
      base: { ownText: '', recorded: '' },
      rendered: '',
      trailingText: undefined,
      eol: '\r\n' as const,
      usedTools: false,
    };
    const writer = createRunWriter(dir, text, 1e6, {
      place: () => ({ mailbox: 'server', state: 'in_progress', name: 'x.md' }),
      onAppend: () => undefined,
      onMissing: () => undefined,
      onTooLarge: () => undefined,
      onTrouble: () => undefined,
    });
    for (const content of ['a\0b ', 'c\ud83d', '\ude00 d\r', '\ne \ud83d', ' f\r']) {
      writer.event({ type: 'Progress', kind: 'text', content });
      writer.flush();
    }
    writer.event({ type: 'ToolUse', phase: 'result', id: '1', tool: 't', args: undefined, output: 'x\0y' });
    writer.flush();
    writer.close();
    const file = readFileSync(join(dir, 'mailboxes/server/in_progress/x.md'), 'utf8');
    expect(file).not.toContain('\0');
    expect(file).toContain('a\ufffdb c😀 d\r\ne \ufffd f');
    expect(file).toBe(text.rendered.replace(/\r?\n/g, '\r\n'));
  });

  it('keeps its length', () => {
    const stream = createWritableStream();
    expect(stream.push('a\0\ud83d') + stream.push('\ude00\udc00') + stream.end()).toBe('a\ufffd😀\ufffd');
  });
});
