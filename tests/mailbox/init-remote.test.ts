import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeRoot } from '../../src/mailbox/init-remote.js';
import { bareRepository, git } from '../support/git-host.js';
import { testdir } from '../support/testdir.js';

/** Every file below `dir` but for locks and what git keeps for itself to be quick, with its bytes and time. */
function snapshot(dir: string): Record<string, string> {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [relative(dir, path), `${statSync(path).mtimeMs} ${readFileSync(path, 'latin1')}`];
    }),
  );
}

const names = (dir: string, tree = 'main'): string[] => git(dir, 'ls-tree', '-r', '--name-only', tree).split('\n');
const simulator = { runner: 'simulator' };

describe('init with a remote', () => {
  test('makes a root of an empty folder and an empty remote; the second run changes nothing', async () => {
    const url = bareRepository();
    const dir = join(testdir(), 'new');
    const made = await makeRoot({ dir, as: 'laptop', remote: url, ...simulator });
    expect(made.offline).toBeUndefined();
    expect(names(url)).toEqual(['.gitignore', 'mailboxes/laptop/mailbox.yaml']);
    expect(made.exchange?.main).toBe(git(url, 'rev-parse', 'main'));
    expect(git(dir, 'status', '--porcelain', '--branch')).toBe('## main...origin/main');
    expect(git(dir, 'remote', 'get-url', 'origin')).toBe(url);
    const before = snapshot(dir);
    const again = await makeRoot({ dir, as: 'laptop', remote: url });
    expect(again).toMatchObject({ changed: [], exchange: undefined, offline: undefined });
    expect(snapshot(dir)).toEqual(before);
  });

  test('joins a remote that has mailboxes, and plain git pulls and pushes there', async () => {
    const url = bareRepository();
    const [one, two] = [testdir(), testdir()];
    await makeRoot({ dir: one, as: 'laptop', remote: url, ...simulator });
    writeFileSync(join(one, 'README.md'), 'About\n');
    git(one, 'add', '-A');
    git(one, 'commit', '-qm', 'Tell what this is');
    git(one, 'push', '-q');
    await makeRoot({ dir: two, as: 'server', remote: url, ...simulator });
    expect(readFileSync(join(two, 'README.md'), 'utf8')).toBe('About\n');
    expect(existsSync(join(two, 'mailboxes/laptop/mailbox.yaml'))).toBe(true);
    expect(names(url)).toContain('mailboxes/server/mailbox.yaml');
    git(one, 'pull', '-q');
    expect(existsSync(join(one, 'mailboxes/server/mailbox.yaml'))).toBe(true);
    for (const dir of [one, two]) expect(git(dir, 'status', '--porcelain')).toBe('');
    expect(git(two, 'rev-parse', 'main')).toBe(git(one, 'rev-parse', 'main'));
    git(two, 'commit', '-q', '--allow-empty', '-m', 'By hand');
    git(two, 'push', '-q');
  });

  test('keeps every file of a folder that has some, and merges its mailboxes in', async () => {
    const url = bareRepository();
    const [one, two] = [testdir(), testdir()];
    await makeRoot({ dir: one, as: 'laptop', mailboxes: ['server'], remote: url, ...simulator });
    for (const [path, text] of [
      ['mailboxes/server/inbox/old.md', 'Waiting since long\n'],
      ['mailboxes/server/mailbox.yaml', 'description: "mine"\n'],
      ['notes.txt', 'mine\n'],
    ] as const) {
      mkdirSync(join(two, path, '..'), { recursive: true });
      writeFileSync(join(two, path), text);
    }
    const { exchange } = await makeRoot({ dir: two, as: 'server', remote: url, ...simulator });
    expect(exchange?.problems).toEqual([]);
    expect(readFileSync(join(two, 'notes.txt'), 'utf8')).toBe('mine\n');
    expect(names(url)).toContain('mailboxes/server/inbox/old.md');
    const cards = names(url).filter((path) => path.startsWith('mailboxes/server/mailbox'));
    expect(cards.map((path) => git(url, 'show', `main:${path}`))).toContain('description: "mine"');
    expect(cards).toHaveLength(2);
    expect(git(two, 'status', '--porcelain')).toBe('?? notes.txt');
  });

  test('joins a repository of the person’s own to an empty remote, with its commits', async () => {
    const url = bareRepository();
    const dir = testdir({ 'README.md': 'mine\n', '.gitignore': 'node_modules/\n' });
    git(dir, 'init', '-q', '-b', 'main');
    git(dir, 'add', '-A');
    git(dir, 'commit', '-qm', 'Begin');
    const begin = git(dir, 'rev-parse', 'HEAD');
    await makeRoot({ dir, as: 'laptop', remote: url, ...simulator });
    expect(git(url, 'merge-base', 'main', begin)).toBe(begin);
    expect(git(url, 'show', 'main:.gitignore')).toBe('node_modules/\n.mailboxd/');
    expect(git(dir, 'status', '--porcelain')).toBe('');
  });

  const git0 = (dir: string, branch: string): void => {
    git(dir, 'init', '-q', '-b', branch);
    git(dir, 'commit', '-q', '--allow-empty', '-m', 'Begin');
  };
  test.each([
    ['another branch', (dir: string) => git0(dir, 'work'), 'on the branch work, expected main'],
    [
      'another origin',
      (dir: string) => {
        git0(dir, 'main');
        git(dir, 'remote', 'add', 'origin', 'https://me:secret@example.org/x.git');
      },
      'the origin of the repository in .* is https://example.org/x.git, expected',
    ],
    ['an unrelated history', (dir: string) => git0(dir, 'main'), 'have no commit in common'],
    [
      'a folder of another repository',
      (dir: string) => {
        git0(join(dir, '..'), 'main');
        writeFileSync(join(dir, 'x'), 'x');
        git(join(dir, '..'), 'add', '-A');
      },
      'belongs to the git repository in',
    ],
  ])('refuses %s, and changes nothing', async (_what, prepare, message) => {
    const url = bareRepository();
    await makeRoot({ dir: testdir(), as: 'laptop', remote: url, ...simulator });
    const dir = join(testdir({ 'sub/': '' }), 'sub');
    prepare(dir);
    const before = snapshot(dir);
    const fault: unknown = await makeRoot({ dir, as: 'server', remote: url }).catch((error: unknown) => error);
    expect(fault).toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(message),
      hint: expect.any(String),
    });
    expect(String(fault)).not.toContain('secret');
    const isNew = (path: string): boolean => !path.startsWith('.git/objects/');
    const after = Object.entries(snapshot(dir)).filter(([path]) => isNew(path));
    expect(Object.fromEntries(after)).toEqual(
      Object.fromEntries(Object.entries(before).filter(([path]) => isNew(path))),
    );
  });

  test('writes everything where the remote cannot be reached, and joins it when it can', async () => {
    const url = join(testdir(), 'later.git');
    const dir = testdir();
    const made = await makeRoot({ dir, as: 'laptop', remote: url, ...simulator });
    expect(made.offline).toMatchObject({ code: 'unavailable', hint: expect.stringContaining('git ls-remote') });
    expect(made.changed).toContain('.mailboxd/config.yaml');
    expect(existsSync(join(dir, 'mailboxes/laptop/inbox'))).toBe(true);
    git(dir, 'init', '-q', '--bare', '-b', 'main', url);
    const again = await makeRoot({ dir, remote: url });
    expect(again).toMatchObject({ offline: undefined, changed: ['.gitignore'] });
    expect(names(url)).toEqual(['.gitignore', 'mailboxes/laptop/mailbox.yaml']);
    expect(git(dir, 'status', '--porcelain')).toBe('');
  });

  test('a password in the URL stays in files that others cannot read', async () => {
    const dir = testdir();
    const url = 'http://me:secret@127.0.0.1:9/m.git';
    const { offline } = await makeRoot({ dir, as: 'laptop', remote: url, ...simulator });
    expect(`${offline?.message} ${offline?.hint}`).not.toContain('secret');
    for (const path of ['.mailboxd/config.yaml', '.git/config']) {
      expect(readFileSync(join(dir, path), 'utf8')).toContain('secret');
      expect(statSync(join(dir, path)).mode & 0o77).toBe(0);
    }
  });
});
