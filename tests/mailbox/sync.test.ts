import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ownProcess } from '../../src/host/process-id.js';
import { makeRoot } from '../../src/mailbox/init-remote.js';
import { readRoot } from '../../src/mailbox/root.js';
import { syncRoot } from '../../src/mailbox/sync.js';
import { bareRepository, git } from '../support/git-host.js';
import { testdir } from '../support/testdir.js';
import { waitUntil } from '../support/wait-until.js';

const INBOX = 'mailboxes/server/inbox';
const DONE = 'mailboxes/server/complete';
const sync = (dir: string, options = {}) => syncRoot(readRoot(dir), options);
const faultOf = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);

function put(dir: string, path: string, text: string): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), text);
}

async function rootAt(url: string, as: string): Promise<string> {
  const dir = testdir();
  await makeRoot({ dir, as, mailboxes: ['server'], remote: url, runner: 'simulator' });
  return dir;
}

/** The contents of all messages below a mailbox's state, sorted. */
function texts(dir: string, folder: string): string[] {
  const at = join(dir, folder);
  if (!existsSync(at)) return [];
  return readdirSync(at)
    .filter((name) => name.endsWith('.md'))
    .map((name) => readFileSync(join(at, name), 'utf8'))
    .toSorted();
}

describe('sync', () => {
  test('brings out what was written this moment, and in what others sent', async () => {
    const url = bareRepository();
    const [one, two] = [await rootAt(url, 'laptop'), await rootAt(url, 'server')];
    put(one, `${INBOX}/hello.md`, 'hello\n');
    expect(await sync(one)).toMatchObject({ by: 'sync', sent: 1, problems: [], isHeldBack: false });
    const got = await sync(two);
    expect(got).toMatchObject({ sent: 0, received: 1, main: git(url, 'rev-parse', 'main') });
    expect(texts(two, INBOX)).toEqual(['hello\n']);
    expect(await sync(two)).toMatchObject({ sent: 0, received: 0 });
    expect(git(two, 'status', '--porcelain')).toBe('');
  });

  test('says what is missing or in the way', async () => {
    const url = bareRepository();
    const alone = testdir();
    await makeRoot({ dir: alone, as: 'alone', runner: 'simulator' });
    expect(await faultOf(sync(alone))).toMatchObject({ code: 'invalid', hint: expect.stringContaining('--remote') });
    const dir = await rootAt(url, 'laptop');
    git(dir, 'switch', '-q', '-c', 'work');
    put(dir, `${INBOX}/hello.md`, 'hello\n');
    expect(await sync(dir)).toMatchObject({
      isHeldBack: true,
      problems: [{ message: expect.stringContaining('the branch work'), hint: expect.stringContaining('git switch') }],
    });
    git(dir, 'switch', '-q', 'main');
    renameSync(url, `${url}-gone`);
    expect(await faultOf(sync(dir))).toMatchObject({ code: 'unavailable' });
    renameSync(`${url}-gone`, url);
    expect(await sync(dir)).toMatchObject({ sent: 1 });
  });

  test('rings for the daemon that exchanges, and waits for its turn', async () => {
    const dir = await rootAt(bareRepository(), 'laptop');
    const own = join(dir, '.mailboxd/git');
    writeFileSync(join(own, 'lock'), `${ownProcess()}\n`);
    const bell = join(dir, '.mailboxd/bell');
    const write = (rounds: number, problem: object | null): void =>
      writeFileSync(
        join(own, 'status.json'),
        JSON.stringify({ rounds, reached: Date.now(), problem, main: 'ab'.repeat(20), pid: process.pid }),
      );
    write(1, null);
    const done = sync(dir);
    await waitUntil(() => existsSync(bell));
    write(2, null);
    expect(await done).toMatchObject({ by: 'daemon', main: 'ab'.repeat(20) });
    rmSync(bell);
    const failed = faultOf(sync(dir));
    await waitUntil(() => existsSync(bell));
    write(2, { message: 'no route', hint: 'plug it in' });
    expect(await failed).toMatchObject({ code: 'unavailable', hint: 'plug it in' });
    expect(await faultOf(sync(dir, { patience: 50 }))).toMatchObject({ code: 'unavailable' });
    expect(await faultOf(sync(dir, { acceptRewrite: true }))).toMatchObject({ code: 'conflict' });
    rmSync(join(own, 'lock'));
  });
});

describe('a remote whose history is another', () => {
  /** Two roots in line, with a finished message and a waiting one. */
  async function pair(): Promise<{ url: string; one: string; two: string; early: string }> {
    const url = bareRepository();
    const [one, two] = [await rootAt(url, 'laptop'), await rootAt(url, 'server')];
    put(one, `${INBOX}/task.md`, '---\nid: "m1"\n---\nwork\n');
    put(one, `${INBOX}/other.md`, 'other\n');
    await sync(one);
    const early = git(url, 'rev-parse', 'main');
    await sync(two);
    rmSync(join(two, INBOX, 'task.md'));
    put(two, `${DONE}/task.md`, '---\nid: "m1"\n---\nwork\n\ndone\n');
    put(two, `${INBOX}/late.md`, 'late\n');
    await sync(two);
    await sync(one);
    return { url, one, two, early };
  }
  const refuse = async (dir: string): Promise<void> => {
    for (const _again of [1, 2])
      expect(await faultOf(sync(dir))).toMatchObject({
        code: 'conflict',
        hint: expect.stringContaining('--accept-rewrite'),
      });
  };

  test('put back from a backup: what was done since is done again, and no task runs twice', async () => {
    const { url, one, two, early } = await pair();
    git(url, 'update-ref', 'refs/heads/main', early);
    put(one, `${INBOX}/unsent.md`, 'unsent\n');
    await refuse(one);
    const tip = git(one, 'rev-parse', 'main');
    const { accepted } = await sync(one, { acceptRewrite: true });
    expect(accepted).toMatchObject({ to: early, kept: expect.stringMatching(/^before-rewrite-\d{4}-\d\d-\d\d$/) });
    expect(git(one, 'rev-parse', accepted?.kept ?? '')).toBe(tip);
    for (const dir of [one, two]) {
      await sync(dir, { acceptRewrite: true });
      expect(texts(dir, INBOX)).toEqual(['late\n', 'other\n', 'unsent\n']);
      expect(texts(dir, DONE)).toEqual(['---\nid: "m1"\n---\nwork\n\ndone\n']);
      expect(git(dir, 'status', '--porcelain')).toBe('');
      expect(git(dir, 'rev-parse', 'main')).toBe(git(url, 'rev-parse', 'main'));
    }
  });

  test('emptied: everything goes there again', async () => {
    const { url, one, two } = await pair();
    git(url, 'update-ref', '-d', 'refs/heads/main');
    await refuse(one);
    expect(await sync(one, { acceptRewrite: true })).toMatchObject({ accepted: { to: undefined, kept: undefined } });
    await sync(two);
    for (const dir of [one, two]) {
      expect(texts(dir, INBOX)).toEqual(['late\n', 'other\n']);
      expect(texts(dir, DONE)).toHaveLength(1);
      expect(git(dir, 'status', '--porcelain')).toBe('');
    }
  });

  test('emptied, and this host no longer knows what it saw: nothing here is taken for deleted', async () => {
    const { url, one } = await pair();
    git(url, 'update-ref', '-d', 'refs/heads/main');
    git(one, 'update-ref', '-d', 'refs/mailboxd/seen/main');
    await sync(one, { acceptRewrite: true });
    expect(texts(one, INBOX)).toEqual(['late\n', 'other\n']);
    expect(git(url, 'ls-tree', '-r', '--name-only', 'main')).toContain(`${INBOX}/other.md`);
  });

  test('replaced by an unrelated one: both keep all of theirs, and what differs becomes two files', async () => {
    const { url, one } = await pair();
    const made = testdir({
      [`${INBOX}/other.md`]: 'of the new one\n',
      [`${INBOX}/new.md`]: 'new\n',
      'README.md': 'new\n',
    });
    git(made, 'init', '-q', '-b', 'main');
    git(made, 'add', '-A');
    git(made, 'commit', '-qm', 'Begin anew');
    git(made, 'push', '-qf', url, 'main');
    git(one, 'commit', '-q', '--allow-empty', '-m', 'Of the person');
    const tip = git(one, 'rev-parse', 'main');
    await refuse(one);
    const { accepted } = await sync(one, { acceptRewrite: true });
    expect(git(one, 'rev-parse', accepted?.kept ?? '')).toBe(tip);
    expect(texts(one, INBOX)).toEqual(['late\n', 'new\n', 'of the new one\n', 'other\n']);
    expect(texts(one, DONE)).toHaveLength(1);
    expect(readFileSync(join(one, 'README.md'), 'utf8')).toBe('new\n');
    expect(git(one, 'status', '--porcelain')).toBe('');
    expect(git(url, 'rev-parse', 'main')).toBe(git(one, 'rev-parse', 'main'));
    expect(await sync(one, { acceptRewrite: true })).toMatchObject({ accepted: undefined, sent: 0, received: 0 });
  });

  test('emptied of its files by a commit on an older one: what is here is not deleted', async () => {
    const { url, one, early } = await pair();
    const made = testdir();
    git(made, 'clone', '-q', url, '.');
    git(made, 'reset', '-q', '--hard', early);
    git(made, 'rm', '-qr', 'mailboxes');
    git(made, 'commit', '-qm', 'Away');
    git(made, 'push', '-qf', url, 'main');
    rmSync(join(one, INBOX, 'late.md'));
    await refuse(one);
    await sync(one, { acceptRewrite: true });
    expect(texts(one, INBOX)).toEqual(['other\n']);
    expect(texts(one, DONE)).toHaveLength(1);
    expect(git(url, 'ls-tree', '-r', '--name-only', 'main')).toContain(`${INBOX}/other.md`);
  });

  test('is not accepted over uncommitted work; nothing is changed then', async () => {
    const { url, one, early } = await pair();
    put(one, 'README.md', 'mine\n');
    git(one, 'add', 'README.md');
    git(one, 'commit', '-qm', 'Mine');
    put(one, 'README.md', 'mine, not committed\n');
    git(url, 'update-ref', 'refs/heads/main', early);
    const before = git(one, 'for-each-ref');
    expect(await faultOf(sync(one, { acceptRewrite: true }))).toMatchObject({ code: 'conflict' });
    expect(git(one, 'for-each-ref')).toBe(before);
    expect(readFileSync(join(one, 'README.md'), 'utf8')).toBe('mine, not committed\n');
    await refuse(one);
  });
});
