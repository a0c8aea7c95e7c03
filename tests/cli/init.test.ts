import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { git } from '../support/git-host.js';
import { testdir } from '../support/testdir.js';
import { callsIn } from './harness.js';

/** Every file below `dir`, with its bytes, mode and time. */
function snapshot(dir: string): Record<string, string> {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const { mode, mtimeMs } = statSync(path);
      return [relative(dir, path), `${mode} ${mtimeMs} ${readFileSync(path, 'latin1')}`];
    }),
  );
}

test('makes what is missing in a folder that is not empty; a second run changes nothing', async () => {
  const dir = testdir({ 'README.md': 'mine', '.gitignore': 'node_modules\r\n!keep' });
  const mb = callsIn(dir);
  const first = await mb('init', '--as', 'laptop', '--mailbox', 'server', '--json');
  expect(first).toMatchObject({ code: 0, err: '' });
  const report = first.json();
  expect(Object.keys(report)).toEqual(['dir', 'as', 'serve', 'runner', 'remote', 'changed']);
  expect(report).toMatchObject({
    as: 'laptop',
    serve: ['laptop', 'server'],
    runner: 'claude',
    remote: null,
  });
  expect(readdirSync(join(dir, 'mailboxes', 'server')).toSorted()).toEqual([
    'complete',
    'failed',
    'in_progress',
    'inbox',
    'mailbox.yaml',
  ]);
  expect(readFileSync(join(dir, '.gitignore'), 'utf8')).toBe('node_modules\r\n!keep\r\n.mailboxd/\r\n');
  expect(statSync(join(dir, '.mailboxd', 'config.yaml')).mode & 0o777).toBe(0o600);
  expect(statSync(join(dir, '.mailboxd')).mode & 0o777).toBe(0o700);

  const before = snapshot(dir);
  for (const again of [
    ['--as', 'laptop', '--mailbox', 'server'],
    ['--as', 'laptop'],
    [],
    ['--as', 'laptop', '--runner', 'simulator'],
  ]) {
    expect((await mb('init', ...again, '--json')).json().changed).toEqual([]);
  }
  expect(snapshot(dir)).toEqual(before);
});

test('a second run adds newly named mailboxes to serve, and keeps every other byte of the configuration', async () => {
  const dir = testdir();
  const mb = callsIn(dir);
  await mb('init', '--as', 'laptop');
  const path = join(dir, '.mailboxd', 'config.yaml');
  writeFileSync(path, readFileSync(path, 'utf8').replace('runner: claude', 'runner:   "simulator" # mine'));
  const before = readFileSync(path, 'utf8');
  expect((await mb('init', '--mailbox', 'server', '--json')).json()).toMatchObject({
    serve: ['laptop', 'server'],
    changed: expect.arrayContaining(['.mailboxd/config.yaml', 'mailboxes/server/inbox/']),
  });
  const lines = (text: string): string[] => text.split('\n').filter((line) => !line.startsWith('serve:'));
  expect(lines(readFileSync(path, 'utf8'))).toEqual(lines(before));
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect((await mb('start', '--once')).out).toContain('mailboxd serves laptop, server');
});

test('keeps .mailboxd out of git, even where the root’s .gitignore says otherwise', async () => {
  const dir = testdir();
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: dir, encoding: 'utf8', env: { PATH: process.env['PATH'], HOME: dir } });
  git('init', '-q');
  await callsIn(dir)('init', '--as', 'laptop');
  writeFileSync(join(dir, '.gitignore'), '!.mailboxd/\n!.mailboxd/**\n');
  expect(git('status', '--porcelain', '--untracked-files=all')).not.toContain('.mailboxd');
  git('add', '-A');
  expect(git('ls-files')).not.toContain('.mailboxd');
  // The root's own file says `.mailboxd/` already.
  expect((await callsIn(dir)('init', '--json')).json().changed).toEqual(['.gitignore']);
});

test('asks nothing without a terminal: it needs a name, or --yes', async () => {
  const dir = testdir({ 'sub/': '' });
  const mb = callsIn(dir);
  expect(await mb('init')).toMatchObject({ code: 64, err: expect.stringContaining('mailboxd init --as laptop') });
  expect(readdirSync(dir)).toEqual(['sub']);
  expect(await mb('init', 'sub', '--yes')).toMatchObject({ code: 0 });
  expect((await mb('list', '--root', 'sub')).code).toBe(0);
});

test.each([
  ['a name that is a path', ['--as', '../evil'], 64],
  ['a name that Windows keeps', ['--as', 'con'], 64],
  ['another name for this host', ['--as', 'other'], 4],
  ['an unknown runner', ['--as', 'laptop', '--runner', 'gpt'], 64],
])('refuses %s', async (_what, args, code) => {
  const dir = testdir();
  await callsIn(dir)('init', '--as', 'laptop');
  const before = snapshot(dir);
  expect(await callsIn(dir)('init', ...args)).toMatchObject({ code, out: '' });
  expect(snapshot(dir)).toEqual(before);
});

test('says what is wrong with a configuration or a folder it cannot use', async () => {
  const dir = testdir({ '.mailboxd/config.yaml': 'serve: 3\n' });
  expect(await callsIn(dir)('init', '--as', 'laptop')).toMatchObject({
    code: 64,
    err: expect.stringContaining('serve'),
  });
  const file = testdir({ mailboxes: 'a file' });
  expect(await callsIn(file)('init', '--as', 'laptop')).toMatchObject({ code: 69 });
  const odd = testdir();
  const name = "a b'$(x)\u00e9\n#";
  mkdirSync(join(odd, name));
  expect(await callsIn(odd)('init', name, '--as', 'laptop', '--runner', 'simulator')).toMatchObject({ code: 0 });
  const at = ['--root', name];
  const sent = await callsIn(odd)('send', 'laptop', 'x', ...at);
  expect((await callsIn(odd)('start', '--once', ...at)).code).toBe(0);
  expect((await callsIn(odd)('show', sent.out.trim(), '--json', ...at)).json()).toMatchObject({
    message: { state: 'complete' },
  });
  chmodSync(join(odd, name), 0o755);
});

test('joins a remote given as a relative path, tells what went over it, and says when it cannot be reached', async () => {
  const top = testdir({ 'a/': '', 'b/': '' });
  git(top, 'init', '-q', '--bare', '-b', 'main', 'mail.git');
  const mb = callsIn(top);
  const made = await mb('init', 'a', '--remote', 'mail.git', '--as', 'laptop', '--runner', 'simulator');
  expect(made).toMatchObject({ code: 0, err: '' });
  expect(made.out).toMatch(/^joined to .*mail\.git: sent \d+; main is at [0-9a-f]{7}$/m);
  expect(readFileSync(join(top, 'a/.mailboxd/config.yaml'), 'utf8')).toContain(`remote: "${join(top, 'mail.git')}"`);
  expect((await mb('init', 'a', '--remote', 'mail.git')).out).toContain('is complete; nothing was changed');
  expect(await mb('init', 'a', '--remote', 'other.git')).toMatchObject({ code: 4 });
  expect(await mb('init', 'a', '--remote', 'ext::sh -c true')).toMatchObject({ code: 64 });
  const offline = await mb('init', 'b', '--remote', 'gone.git', '--as', 'server', '--json');
  expect(offline).toMatchObject({ code: 69, err: expect.stringContaining('git ls-remote') });
  expect(offline.json()).toMatchObject({ as: 'server', exchange: null, problems: [expect.any(Object)] });
  expect(existsSync(join(top, 'b/.mailboxd/config.yaml'))).toBe(true);
});

test('gives a copied root a host id and a key of its own', async () => {
  const top = testdir({ 'a/': '' });
  git(top, 'init', '-q', '--bare', '-b', 'main', 'mail.git');
  const mb = callsIn(top);
  await mb('init', 'a', '--remote', 'mail.git', '--as', 'laptop', '--runner', 'simulator');
  cpSync(join(top, 'a'), join(top, 'b'), { recursive: true, preserveTimestamps: true });
  expect(await mb('sync', '--root', 'b')).toMatchObject({ code: 4, err: expect.stringContaining('init --new-host') });
  expect(await mb('init', 'b', '--new-host', '--as', 'x')).toMatchObject({ code: 64 });
  const keys = (dir: string): string[] =>
    readFileSync(join(top, dir, '.mailboxd/config.yaml'), 'utf8')
      .split('\n')
      .filter((line) => /^(host|key):/.test(line));
  const rest = (dir: string): string[] =>
    readFileSync(join(top, dir, '.mailboxd/config.yaml'), 'utf8')
      .split('\n')
      .filter((line) => !/^(host|key):/.test(line));
  expect(await mb('init', 'b', '--new-host')).toMatchObject({ code: 0 });
  expect(rest('b')).toEqual(rest('a'));
  expect(keys('b')).toHaveLength(2);
  for (const line of keys('b')) expect(keys('a')).not.toContain(line);
  for (const dir of ['a', 'b']) expect(await mb('sync', '--root', dir)).toMatchObject({ code: 0, err: '' });
});
