import { chmodSync, existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { waitUntil } from '../support/wait-until.js';
import { bareRepository, git, gitHost, openHost, sync, type GitHost } from '../support/git-host.js';

const INBOX = 'mailboxes/server/inbox';

let url: string;
let a: GitHost;
let b: GitHost;

beforeEach(async () => {
  vi.stubEnv('GIT_CONFIG_GLOBAL', '/dev/null');
  vi.stubEnv('GIT_CONFIG_NOSYSTEM', '1');
  url = bareRepository();
  [a, b] = [await gitHost(url, 'a-1'), await gitHost(url, 'b-1')];
  a.write(`${INBOX}/one.md`, 'one\n');
  await sync(a, b);
  for (const { root } of [a, b]) git(root, 'remote', 'add', 'origin', url);
  git(b.root, 'config', 'branch.main.remote', 'origin');
  git(b.root, 'config', 'branch.main.merge', 'refs/heads/main');
});

afterEach(async () => {
  for (const { exchange } of [a, b]) await exchange.close();
  vi.unstubAllEnvs();
});

async function problemOf({ exchange }: GitHost): Promise<string> {
  exchange.ring({ remote: true });
  await exchange.settled();
  const { problem } = exchange.status;
  return problem ? `${problem.message} · ${problem.hint}` : '';
}

/** Nothing of git's is left half done, and both roots show what main has. */
function inOrder(...hosts: GitHost[]): void {
  for (const { root } of hosts) {
    expect(git(root, 'status', '--porcelain', '-uno')).toBe('');
    expect(git(root, 'rev-parse', 'HEAD')).toBe(git(url, 'rev-parse', 'main'));
    expect(git(root, 'symbolic-ref', 'HEAD')).toBe('refs/heads/main');
    git(root, 'fsck', '--no-dangling');
    expect(() => git(root, 'grep', '-q', '^<<<<<<<')).toThrow(/Command failed/);
  }
}

describe('people with their own git, in the same root', () => {
  it('add, commit, pull, pull --rebase, push, stash, restore and reset as they like', async () => {
    b.write(`${INBOX}/two.md`, 'two\n');
    git(b.root, 'add', INBOX);
    git(b.root, 'commit', '-qm', 'Two, by hand');
    a.write(`${INBOX}/three.md`, 'three\n');
    await sync(a);
    git(b.root, 'pull', '-q', '--rebase');
    git(b.root, 'push', '-q', 'origin', 'main');
    await sync(b, a);
    inOrder(a, b);
    b.write(`${INBOX}/four.md`, 'four\n');
    a.write(`${INBOX}/five.md`, 'five\n');
    await sync(a);
    git(b.root, 'add', INBOX);
    git(b.root, 'commit', '-qm', 'Four, by hand');
    git(b.root, 'pull', '-q', '--no-rebase', '--no-edit');
    await sync(b, a);
    inOrder(a, b);
    b.write(`${INBOX}/one.md`, 'one, changed\n');
    git(b.root, 'stash', '-q');
    a.write(`${INBOX}/six.md`, 'six\n');
    await sync(a, b, a);
    expect(a.read(`${INBOX}/one.md`)).toBe('one\n');
    git(b.root, 'stash', 'pop', '-q');
    // Written this moment: it has to rest a little first.
    await waitUntil(async () => {
      await sync(b, a);
      return a.read(`${INBOX}/one.md`) === 'one, changed\n';
    });
    b.write(`${INBOX}/one.md`, 'one, wrong\n');
    git(b.root, 'checkout', '-q', '--', `${INBOX}/one.md`);
    git(b.root, 'reset', '-q', '--hard');
    await sync(b, a);
    expect(b.read(`${INBOX}/one.md`)).toBe('one, changed\n');
    inOrder(a, b);
    for (const name of ['one', 'two', 'three', 'four', 'five', 'six'])
      for (const host of [a, b]) expect(existsSync(join(host.root, INBOX, `${name}.md`)), name).toBe(true);
  });

  it('a rebase or a merge left open, another branch and a detached head: it waits, says so, and goes on after', async () => {
    const waits = async (what: string, hint: string, back: () => void): Promise<void> => {
      a.write(`${INBOX}/${what}.md`, `${what}\n`);
      await sync(a);
      const [index, head] = [readFileSync(join(b.root, '.git/index')), readFileSync(join(b.root, '.git/HEAD'))];
      const said = await problemOf(b);
      expect(said, what).toContain('waits');
      expect(said, what).toContain(hint);
      expect(existsSync(join(b.root, INBOX, `${what}.md`)), what).toBe(false);
      expect(readFileSync(join(b.root, '.git/index')).equals(index), what).toBe(true);
      expect(readFileSync(join(b.root, '.git/HEAD')).equals(head), what).toBe(true);
      back();
      await sync(b, a);
      expect(b.read(`${INBOX}/${what}.md`)).toBe(`${what}\n`);
      inOrder(a, b);
    };
    const conflict = (): void => {
      git(b.root, 'switch', '-q', '-c', 'side');
      b.write('notes.txt', 'on the side\n');
      git(b.root, 'commit', '-qam', 'Side');
      git(b.root, 'switch', '-q', 'main');
      b.write('notes.txt', 'on the other side\n');
      git(b.root, 'add', 'notes.txt');
      git(b.root, 'commit', '-qm', 'Other');
    };
    b.write('notes.txt', 'base\n');
    git(b.root, 'add', 'notes.txt');
    git(b.root, 'commit', '-qm', 'Notes');
    await sync(b, a);
    conflict();
    expect(() => git(b.root, 'rebase', '-q', 'side')).toThrow(/Command failed/);
    await waits('rebase', 'git rebase --continue', () => git(b.root, 'rebase', '--abort'));
    expect(() => git(b.root, 'merge', '-q', 'side')).toThrow(/Command failed/);
    await waits('merge', 'git merge --abort', () => {
      b.write('notes.txt', 'both\n');
      git(b.root, 'commit', '-qam', 'Merged by hand');
    });
    await sync(a);
    git(b.root, 'switch', '-q', 'side');
    await waits('branch', 'git switch main', () => git(b.root, 'switch', '-q', 'main'));
    git(b.root, 'checkout', '-q', '--detach');
    await waits('detached', 'git switch main', () => git(b.root, 'switch', '-q', 'main'));
  });

  it('what they staged stays staged, and what they edit while it exchanges is never overwritten', async () => {
    b.write('notes.txt', 'staged\n');
    git(b.root, 'add', 'notes.txt');
    a.write(`${INBOX}/two.md`, 'two\n');
    await sync(a, b);
    expect(git(b.root, 'diff', '--cached', '--name-only')).toBe('notes.txt');
    expect(git(b.root, 'show', ':notes.txt')).toBe('staged');
    expect(b.read(`${INBOX}/two.md`)).toBe('two\n');
    git(b.root, 'commit', '-qm', 'Notes');
    await sync(b, a);
    a.write(`${INBOX}/one.md`, 'one by a\n');
    await sync(a);
    // Between the scan and the writing of what came: while the commit of something else is pushed.
    const { remote } = b.exchange.state;
    const push = remote.push.bind(remote);
    remote.push = async (...args) => {
      remote.push = push;
      b.write(`${INBOX}/one.md`, 'one by b, unsaved a moment ago\n');
      return push(...args);
    };
    b.write(`${INBOX}/late.md`, 'late\n');
    await sync(b, b, a, b);
    for (const host of [a, b]) {
      const texts = git(host.root, 'grep', '-h', 'one by', 'HEAD', '--', INBOX).split('\n');
      expect(texts.join('\n')).toContain('one by a');
      expect(texts.join('\n')).toContain('one by b, unsaved a moment ago');
    }
    inOrder(a, b);
  });

  it('an index.lock keeps only the branch back: messages come and go, and it says why', async () => {
    const lock = join(b.root, '.git/index.lock');
    writeFileSync(lock, '');
    a.write(`${INBOX}/two.md`, 'two\n');
    b.write(`${INBOX}/three.md`, 'three\n');
    await sync(a);
    expect(await problemOf(b)).toContain('index.lock');
    expect(b.read(`${INBOX}/two.md`)).toBe('two\n');
    expect(git(url, 'ls-tree', '-r', '--name-only', 'main')).toContain('three.md');
    rmSync(lock);
    await sync(b, a);
    inOrder(a, b);
  });

  it('files outside the folders: changed on both sides, the mailboxes go on, and it is told', async () => {
    a.write('notes.txt', 'notes\n');
    git(a.root, 'add', 'notes.txt');
    git(a.root, 'commit', '-qm', 'Notes');
    await sync(a, b);
    expect(b.read('notes.txt')).toBe('notes\n');
    for (const host of [a, b]) {
      host.write('notes.txt', `by ${host.root}\n`);
      git(host.root, 'commit', '-qam', 'Mine');
    }
    await sync(a);
    b.write(`${INBOX}/two.md`, 'two\n');
    a.write(`${INBOX}/three.md`, 'three\n');
    await sync(a);
    b.exchange.ring({ remote: true });
    await b.exchange.settled();
    await sync(a);
    expect(a.read(`${INBOX}/two.md`)).toBe('two\n');
    expect(b.read(`${INBOX}/three.md`)).toBe('three\n');
    expect(b.read('notes.txt')).toBe(`by ${b.root}\n`);
    const told = b.events.filter((event) => event.type === 'trouble' && event.message.includes('notes.txt'));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ hint: expect.stringContaining('git add mailboxes && git commit') });
    git(b.root, 'add', 'mailboxes');
    git(b.root, 'commit', '-qm', 'What arrived');
    expect(() => git(b.root, 'pull', '-q', '--no-rebase', '--no-edit')).toThrow(/Command failed/);
    b.write('notes.txt', 'both\n');
    git(b.root, 'commit', '-qam', 'Brought together');
    await sync(b, a);
    expect(a.read('notes.txt')).toBe('both\n');
    inOrder(a, b);
  });

  it('executable bits, CRLF and renames arrive as they are; commits carry who there is', async () => {
    expect(git(url, 'log', '-1', '--format=%an <%ae>', 'main')).toMatch(/^mailboxd on a-1 <mailboxd@a-1>$/);
    await b.exchange.close();
    git(b.root, 'config', 'user.name', 'Ada');
    git(b.root, 'config', 'user.email', 'ada@example.org');
    b = await openHost(b.root, url, 'b-1');
    b.write('attachments/m1/run.sh', '#!/bin/sh\r\n');
    chmodSync(join(b.root, 'attachments/m1/run.sh'), 0o755);
    await sync(b, a);
    expect(git(url, 'log', '-1', '--format=%an <%ae>', 'main')).toBe('Ada <ada@example.org>');
    expect(statSync(join(a.root, 'attachments/m1/run.sh')).mode & 0o100).toBe(0o100);
    expect(a.read('attachments/m1/run.sh')).toBe('#!/bin/sh\r\n');
    chmodSync(join(a.root, 'attachments/m1/run.sh'), 0o644);
    renameSync(join(a.root, INBOX, 'one.md'), join(a.root, INBOX, 'moved.md'));
    await sync(a, b);
    expect(statSync(join(b.root, 'attachments/m1/run.sh')).mode & 0o100).toBe(0);
    expect(existsSync(join(b.root, INBOX, 'one.md'))).toBe(false);
    inOrder(a, b);
  });
});
