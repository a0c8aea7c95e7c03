/** Bundles of strangers: whatever is in one, it is refused with a reason before anything is written. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseArchivedPath } from '../../src/mailbox/archive/archive-path.js';
import { restoreArchive } from '../../src/mailbox/archive/restore.js';
import { testdir } from '../support/testdir.js';
import { finished, snapshot, withDesk } from './archive-box.js';

interface Entry {
  mode?: string;
  path: string;
  text?: string;
}

function git(cwd: string, args: string[], input?: string | Buffer): string {
  const env = {
    ...{ PATH: process.env['PATH'], HOME: cwd, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' },
    ...{ GIT_AUTHOR_NAME: 'x', GIT_AUTHOR_EMAIL: 'x', GIT_COMMITTER_NAME: 'x', GIT_COMMITTER_EMAIL: 'x' },
  };
  const stdio: ['pipe', 'pipe', 'pipe'] = ['pipe', 'pipe', 'pipe'];
  return execFileSync('git', args, { cwd, env, stdio, ...(input !== undefined && { input }) })
    .toString()
    .trim();
}

/** A tree object made by hand, so that no git looks at its names. */
function tree(dir: string, entries: [mode: string, name: string, oid: string][]): string {
  const parts = entries.flatMap(([mode, name, oid]) => [Buffer.from(`${mode} ${name}\0`), Buffer.from(oid, 'hex')]);
  return git(dir, ['hash-object', '-w', '-t', 'tree', '--literally', '--stdin'], Buffer.concat(parts));
}

/** A bundle with these files beside one good message. */
function bundleOf(entries: Entry[], options: { ref?: string; parent?: boolean } = {}): string {
  const dir = testdir();
  git(dir, ['init', '-q', '--bare', '.']);
  const good = { path: 'mailboxes/server/complete/good.md', text: finished('good', 100) };
  const build = (items: Entry[]): string => {
    const names = [...new Set(items.map(({ path }) => path.split('/')[0] ?? ''))].toSorted();
    return tree(
      dir,
      names.map((name) => {
        const own = items.find(({ path }) => path === name);
        if (own?.mode === '40000') return ['40000', name, tree(dir, [])];
        if (own) {
          const oid = git(dir, ['hash-object', '-w', '--stdin'], own.text ?? 'x');
          return [own.mode ?? '100644', name, own.mode === '160000' ? '1'.repeat(40) : oid];
        }
        const below = items.filter(({ path }) => path.startsWith(`${name}/`));
        return ['40000', name, build(below.map((item) => ({ ...item, path: item.path.slice(name.length + 1) })))];
      }),
    );
  };
  const commit = (oid: string, parents: string[]): string =>
    git(dir, ['commit-tree', oid, ...parents.flatMap((parent) => ['-p', parent]), '-m', 'x']);
  const first = commit(build([good]), []);
  const oid = commit(build([good, ...entries]), options.parent ? [first] : []);
  const ref = options.ref ?? 'refs/heads/archive';
  git(dir, ['update-ref', ref, oid]);
  const file = join(dir, 'hostile.bundle');
  git(dir, ['bundle', 'create', file, ref, ...(options.parent ? [`^${first}`] : [])]);
  return file;
}

const restore = (root: string, file: string) => withDesk(root, (desk) => restoreArchive(desk, file));
const emptyRoot = (): string => testdir({ 'mailboxes/server/inbox/': '', 'attachments/': '' });

test('the bundle made here is good without anything bad in it', async () => {
  const root = emptyRoot();
  expect((await restore(root, bundleOf([]))).restored).toEqual(['mailboxes/server/complete/good.md']);
});

test.each([
  ['out of the root', { path: 'mailboxes/../../x.md' }],
  ['a dot', { path: 'mailboxes/./complete/x.md' }],
  ['the host’s folder', { path: '.mailboxd/config.yaml' }],
  ['git’s folder', { path: '.git/config' }],
  ['git’s folder below', { path: 'attachments/a/.git/config' }],
  ['git’s folder by its short name', { path: 'attachments/a/git~1/config' }],
  ['a waiting message', { path: 'mailboxes/server/inbox/x.md' }],
  ['a running message', { path: 'mailboxes/server/in_progress/x.md' }],
  ['a card', { path: 'mailboxes/server/mailbox.yaml' }],
  ['a hidden name of the store', { path: 'mailboxes/server/complete/.move~1~a~x.md' }],
  ['no message', { path: 'mailboxes/server/complete/x.txt' }],
  ['no month', { path: 'mailboxes/server/complete/other/x.md' }],
  ['a month too deep', { path: 'mailboxes/server/complete/2026-11/2026-11/x.md' }],
  ['a mailbox’s name that is none', { path: 'mailboxes/-x/complete/x.md' }],
  ['a mailbox’s name of Windows', { path: 'mailboxes/con/complete/x.md' }],
  ['an id that is none', { path: 'attachments/a b/x' }],
  ['a file in attachments/', { path: 'attachments/x' }],
  ['a backslash', { path: 'attachments/a/..\\x' }],
  ['a control character', { path: 'attachments/a/x\u0001' }],
  ['an invisible character', { path: 'attachments/a/x\u202egpj' }],
  ['another folder', { path: 'templates/x.md' }],
  ['a link', { path: 'mailboxes/server/complete/x.md', mode: '120000', text: '/etc/passwd' }],
  ['a link in a folder’s place', { path: 'attachments/a', mode: '120000', text: '/tmp' }],
  ['an empty folder elsewhere', { path: 'threads', mode: '40000' }],
  ['empty folders without end', { path: `attachments/a/${'b/'.repeat(20)}c`, mode: '40000' }],
  ['a repository', { path: 'attachments/a/sub', mode: '160000' }],
] as [string, Entry][])('%s is refused, and nothing is written', async (_, entry) => {
  const root = emptyRoot();
  await expect(restore(root, bundleOf([entry]))).rejects.toMatchObject({ code: 'refused' });
  expect(snapshot(root)).toEqual({});
  expect(existsSync(join(root, 'x.md')) || existsSync(join(root, '../x.md'))).toBe(false);
});

describe('no whole bundle', () => {
  test.each([
    ['another ref', () => bundleOf([], { ref: 'refs/heads/main' })],
    ['a part of a history', () => bundleOf([], { parent: true })],
    ['text', () => join(testdir({ 'x.bundle': 'text\n' }), 'x.bundle')],
    ['cut short', () => damaged((bytes) => bytes.subarray(0, bytes.length - 30))],
    [
      'a flipped bit',
      () => damaged((bytes) => bytes.fill(bytes[bytes.length - 40]! ^ 1, bytes.length - 40, bytes.length - 39)),
    ],
  ])('%s', async (_, make) => {
    const root = emptyRoot();
    await expect(restore(root, make())).rejects.toMatchObject({ code: expect.stringMatching(/^(invalid|refused)$/) });
    expect(snapshot(root)).toEqual({});
  });
});

function damaged(change: (bytes: Buffer) => Buffer): string {
  const file = bundleOf([]);
  writeFileSync(file, change(readFileSync(file)));
  return file;
}

test('nothing is written through a link in the root', async () => {
  const root = emptyRoot();
  const outside = testdir();
  mkdirSync(join(root, 'mailboxes/server'), { recursive: true });
  symlinkSync(outside, join(root, 'mailboxes/server/complete'));
  await expect(restore(root, bundleOf([]))).rejects.toMatchObject({ code: 'unavailable' });
  expect(existsSync(join(outside, 'good.md'))).toBe(false);
});

test.each([
  ['mailboxes/a/complete/x.md', true],
  ['mailboxes/a/failed/2026-11/x y.md', true],
  ['attachments/a/b/c/d.bin', true],
  ['attachments/a/1/2/3/4/5/6/7', false],
  ['mailboxes/a/complete/2026-11', false],
  ['mailboxes/a/complete/.md', false],
  ['/mailboxes/a/complete/x.md', false],
  ['', false],
])('the path %j: %s', (path, isFine) => {
  expect(parseArchivedPath(path) !== undefined).toBe(isFine);
});
