/** The built program in processes of its own: pipes that close, signals, and `npm start` on a copy of the checkout. */
import { spawn } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { testdir } from '../support/testdir.js';
import { waitUntil } from '../support/wait-until.js';
import { MAIN, makeRoot, runProgram } from './harness.js';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const inFolder = (dir: string, state: string): string[] =>
  readdirSync(join(dir, 'mailboxes', 'server', state)).filter((name) => name.endsWith('.md'));

test('list | head ends in silence when its reader has enough', async () => {
  const { dir } = await makeRoot();
  const inbox = join(dir, 'mailboxes', 'server', 'inbox');
  for (let i = 0; i < 3_000; i += 1)
    writeFileSync(join(inbox, `${i}.md`), `---\nsubject: "${'long '.repeat(20)}${i}"\n---\nx`);
  const shell = spawn(
    'bash',
    ['-c', `"$0" "$1" list --limit 100000 | head -n 1; echo "\${PIPESTATUS[0]}"`, process.execPath, MAIN],
    {
      cwd: dir,
      env: { PATH: process.env['PATH'], HOME: dir, NODE_V8_COVERAGE: process.env['NODE_V8_COVERAGE'] },
    },
  );
  let out = '';
  let err = '';
  shell.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  shell.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  await new Promise((resolve) => shell.once('close', resolve));
  expect(err).toBe('');
  expect(out.split('\n')).toEqual([expect.stringContaining('inbox'), '0', '']);
});

test('a daemon outlives the reader of its output', async () => {
  const { dir, mb } = await makeRoot();
  const daemon = runProgram(dir, ['start']);
  await waitUntil(() => daemon.out.includes('Ctrl-C stops'), { timeout: 15_000, what: 'the daemon' });
  daemon.child.stdout?.destroy();
  await mb('send', 'server', 'one');
  await waitUntil(() => inFolder(dir, 'complete').length === 1, { what: 'the first' });
  await mb('send', 'server', 'two');
  await waitUntil(() => inFolder(dir, 'complete').length === 2, { what: 'the second' });
  daemon.child.kill('SIGTERM');
  expect(await daemon.ended).toBe(0);
});

test('a full disk behind its output ends no daemon, and is told by a command that prints data', async () => {
  const { dir, mb } = await makeRoot();
  const full = openSync('/dev/full', 'w');
  const options = { cwd: dir, env: { PATH: process.env['PATH'], HOME: dir, CLAUDE_MOCK_TEST: '1' } };
  const daemon = spawn(process.execPath, [MAIN, 'start'], { ...options, stdio: ['ignore', full, full] });
  const ended = new Promise((resolve) => daemon.once('close', resolve));
  const list = spawn(process.execPath, [MAIN, 'list', '--json'], { ...options, stdio: ['ignore', full, 'pipe'] });
  closeSync(full);
  let err = '';
  list.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()));
  expect(await new Promise((resolve) => list.once('close', resolve))).toBe(69);
  expect(err).toMatch(/^mailboxd: the output could not be written: .*ENOSPC.*\n$/);
  await mb('send', 'server', 'one');
  await waitUntil(() => inFolder(dir, 'complete').length === 1, { timeout: 15_000, what: 'the task' });
  daemon.kill('SIGTERM');
  expect(await ended).toBe(0);
});

test.each(['SIGTERM', 'SIGHUP'] as const)('%s lets a running task end; the exit code is 0', async (signal) => {
  const { dir, mb } = await makeRoot();
  const daemon = runProgram(dir, ['start']);
  await mb('send', 'server', 'Hello\nsimulate: duration 1s');
  await waitUntil(() => daemon.out.includes('│'), { timeout: 15_000, what: 'output' });
  const again = runProgram(dir, ['send', 'server', 'x', '--wait']);
  await waitUntil(() => again.err.includes('in_progress') || again.out.includes('“x”'), {
    timeout: 15_000,
    what: 'the second task',
  });
  daemon.child.kill(signal);
  expect(await daemon.ended).toBe(0);
  expect(await again.ended).toBe(0);
  expect(again.out).toContain('“x”');
  expect(inFolder(dir, 'complete')).toHaveLength(2);
});

test('says its version quickly, and sends from the built program', async () => {
  const { dir } = await makeRoot();
  const version = runProgram(dir, ['--version']);
  expect(await version.ended).toBe(0);
  expect(version.out).toMatch(/^\d/);
  const sent = runProgram(dir, ['send', 'server']);
  sent.child.stdin?.end('from a pipe');
  expect(await sent.ended, sent.err).toBe(0);
  expect(inFolder(dir, 'inbox')).toHaveLength(1);
});

test('npm start delivers a sample, has it answered, and leaves the git repository alone', async () => {
  const dir = testdir();
  for (const path of ['dist', 'schemas', 'scripts', 'package.json', 'tsconfig.json', 'src', '.gitignore']) {
    cpSync(join(checkout, path), join(dir, path), { recursive: true, preserveTimestamps: true });
  }
  for (const mailbox of ['laptop', 'server']) mkdirSync(join(dir, 'mailboxes', mailbox, 'inbox'), { recursive: true });
  symlinkSync(join(checkout, 'node_modules'), join(dir, 'node_modules'));
  mkdirSync(join(dir, '.git'));
  // Newer than any source, as after a build.
  writeFileSync(join(dir, 'dist', '.built'), '');
  utimesSync(join(dir, 'dist', '.built'), new Date(), new Date());
  const ignore = readFileSync(join(dir, '.gitignore'), 'utf8');
  const npmStart = (...args: string[]): Promise<{ code: number | null; out: string }> =>
    new Promise((resolve) => {
      const child = spawn(process.execPath, [join(dir, 'scripts', 'start.mjs'), ...args], {
        cwd: dir,
        env: { PATH: process.env['PATH'], HOME: dir, NODE_V8_COVERAGE: process.env['NODE_V8_COVERAGE'] },
      });
      let out = '';
      child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (out += chunk.toString()));
      child.once('close', (code) => resolve({ code, out }));
    });
  const first = await npmStart('--once');
  expect(first.code, first.out).toBe(0);
  expect(first.out).toContain('The built-in simulator answers, no real model: the Claude CLI was not found');
  expect(first.out).toContain('npx mailboxd setup');
  expect(first.out).toMatch(/▸ \[1\] Hello from mailboxd[\s\S]*│[\s\S]*read it: mailboxes\/server\/complete\/\S+\.md/);
  const [name = ''] = inFolder(dir, 'complete');
  expect(readFileSync(join(dir, 'mailboxes', 'server', 'complete', name), 'utf8')).toMatch(
    /runner: "simulator"[\s\S]*## Result\n\n.*simulated/,
  );
  expect(statSync(join(dir, '.mailboxd', 'config.yaml')).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(dir, '.mailboxd', 'config.yaml'), 'utf8')).toMatch(/^serve: \["laptop", "server"\]$/m);

  const second = await npmStart('--once');
  expect(second).toMatchObject({ code: 0, out: expect.stringContaining('nothing was waiting') });
  expect(inFolder(dir, 'complete')).toHaveLength(1);
  expect((await npmStart('--frobnicate')).code).toBe(64);
  expect(readdirSync(join(dir, '.git'))).toEqual([]);
  expect(readFileSync(join(dir, '.gitignore'), 'utf8')).toBe(ignore);
  expect(existsSync(join(dir, 'mailboxes', 'server', 'mailbox.yaml'))).toBe(true);
}, 60_000);
