import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bareRepository, git, gitHost, openHost, sync, type GitHost } from '../support/git-host.js';
import { bareRemote } from '../support/remotes/bare.js';
import { testdir } from '../support/testdir.js';
import { waitUntil } from '../support/wait-until.js';
import { folder, putOnMain, rawObject, rawTree } from './raw-tree.js';

const INBOX = 'mailboxes/server/inbox';

function troubles({ events }: GitHost): string[] {
  return events.flatMap((event) => (event.type === 'trouble' ? [event.message] : []));
}

/** Refs, index and files, to compare. */
function picture(root: string): unknown {
  const files = (readdirSync(root, { recursive: true }) as string[]).filter(
    (path) => !/^\.(git|mailboxd)(\/|$)/.test(path) && path.includes('.'),
  );
  return {
    refs: git(root, 'for-each-ref', '--format=%(refname) %(objectname)'),
    index: existsSync(join(root, '.git/index')) ? readFileSync(join(root, '.git/index')).toString('base64') : '',
    files: files.toSorted().map((path) => [path, readFileSync(join(root, path), 'utf8')]),
  };
}

async function problemOf({ exchange }: GitHost): Promise<string> {
  exchange.ring({ remote: true });
  await exchange.settled();
  return exchange.status.problem?.message ?? '';
}

describe('a remote that went away', () => {
  it('is tried again with growing pauses, told once, and work goes on when it is back', async () => {
    const url = bareRepository();
    const host = await gitHost(url, 'a-1', { manual: false, poll: 200 });
    await host.exchange.start();
    host.write(`${INBOX}/one.md`, 'one\n');
    await host.exchange.settled();
    renameSync(url, `${url}-away`);
    host.write(`${INBOX}/two.md`, 'two\n');
    host.exchange.ring({ remote: true });
    await waitUntil(() => host.exchange.status.problem, { what: 'the problem' });
    expect(host.exchange.status.problem?.hint).toContain('git ls-remote');
    const answer = host.exchange.claim({ mailbox: 'server', state: 'inbox', name: 'one.md' });
    expect((await answer).kind).toBe('offline');
    renameSync(`${url}-away`, url);
    await waitUntil(() => git(url, 'ls-tree', '-r', '--name-only', 'main').includes('two.md'), {
      timeout: 10_000,
      what: 'the second message on main',
    });
    await waitUntil(() => !host.exchange.status.problem);
    const told = troubles(host).filter((text) => text.includes(url));
    expect(told.length).toBeLessThan(3);
    expect(troubles(host)).toContain('the exchange goes on');
    await host.exchange.close();
  });
});

describe('a history that is not the one this host knows', () => {
  it('rewritten, emptied or replaced: it stops with a clear message, and nothing changes on either side', async () => {
    const url = bareRepository();
    const host = await gitHost(url, 'a-1');
    host.write(`${INBOX}/one.md`, 'one\n');
    await sync(host);
    host.write(`${INBOX}/two.md`, 'two\n');
    await sync(host);
    const good = git(url, 'rev-parse', 'main');
    const other = git(url, 'commit-tree', rawObject(url, 'tree', ''), '-m', 'another beginning');
    host.write(`${INBOX}/unsent.md`, 'unsent\n');
    const before = picture(host.root);
    for (const [what, change] of [
      ['rewritten', ['update-ref', 'refs/heads/main', `${good}~1`]],
      ['replaced', ['update-ref', 'refs/heads/main', other]],
      ['gone', ['update-ref', '-d', 'refs/heads/main']],
    ] as const) {
      git(url, ...change);
      const there = picture(url);
      expect(await problemOf(host), what).toContain('main');
      expect(host.exchange.status.problem?.hint).toContain('--accept-rewrite');
      expect(picture(host.root), what).toEqual(before);
      expect(picture(url), what).toEqual(there);
    }
    // A restart does not take what it finds for what it knew.
    await host.exchange.close();
    const again = await openHost(host.root, url, 'a-1');
    expect(await problemOf(again)).toContain('main');
    git(url, 'update-ref', 'refs/heads/main', other);
    expect(await problemOf(again)).toContain('rewritten');
    expect(picture(host.root)).toEqual(before);
    git(url, 'update-ref', 'refs/heads/main', good);
    await sync(again);
    expect(git(url, 'ls-tree', '-r', '--name-only', 'main')).toContain('unsent.md');
    await again.exchange.close();
  });

  it('unrelated to what a person committed here: it stops at the first contact', async () => {
    const url = bareRepository();
    putOnMain(url, folder(['mailboxes', folder(['server', folder(['inbox', folder(['theirs.md', 'theirs\n'])])])]));
    const host = await gitHost(url, 'a-1');
    host.write(`${INBOX}/mine.md`, 'mine\n');
    git(host.root, 'add', '-A', 'mailboxes');
    git(host.root, 'commit', '-qm', 'By hand');
    const there = picture(url);
    const tree = git(host.root, 'ls-files', '-s');
    expect(await problemOf(host)).toContain('no history in common');
    expect(picture(url)).toEqual(there);
    expect(git(host.root, 'ls-files', '-s')).toBe(tree);
    expect(existsSync(join(host.root, INBOX, 'theirs.md'))).toBe(false);
    await host.exchange.close();
  });
});

describe('remotes and repositories of other kinds', () => {
  it('a remote that takes nothing outside refs/heads gets the claims there, also after a restart', async () => {
    const { url } = bareRemote({ refuseRefsOutside: true });
    let host = await gitHost(url, 'a-1');
    for (const name of ['one', 'two']) host.write(`${INBOX}/${name}.md`, `---\nid: "${name}"\n---\n${name}\n`);
    await sync(host);
    const claim = async (name: string): Promise<string> => {
      const answer = host.exchange.claim({ mailbox: 'server', state: 'inbox', name: `${name}.md` });
      await host.exchange.settled();
      return (await answer).kind;
    };
    expect(await claim('one')).toBe('granted');
    expect(git(url, 'for-each-ref', '--format=%(refname)')).toContain('refs/heads/mailboxd/claims/one');
    await host.exchange.close();
    host = await openHost(host.root, url, 'a-1');
    await sync(host);
    expect(await claim('two')).toBe('granted');
    const other = await gitHost(url, 'b-1');
    await sync(other);
    const theirs = other.exchange.claim({ mailbox: 'server', state: 'inbox', name: 'one.md' });
    await other.exchange.settled();
    expect((await theirs).kind).toBe('busy');
    for (const { exchange } of [host, other]) await exchange.close();
  });

  it('a shallow clone, packed refs and a gc on both sides change nothing', async () => {
    const url = bareRepository();
    const a = await gitHost(url, 'a-1');
    for (const name of ['one', 'two', 'three']) {
      a.write(`${INBOX}/${name}.md`, `---\nid: "${name}"\n---\n${name}\n`);
      await sync(a);
    }
    const root = join(testdir(), 'clone');
    git(testdir(), 'clone', '-q', '--depth', '1', `file://${url}`, root);
    const b = await openHost(root, url, 'b-1');
    await sync(b);
    const answer = b.exchange.claim({ mailbox: 'server', state: 'inbox', name: 'one.md' });
    await b.exchange.settled();
    expect((await answer).kind).toBe('granted');
    for (const dir of [url, a.root, root]) git(dir, 'gc', '-q', '--prune=now');
    b.write('mailboxes/server/complete/one.md', '---\nid: "one"\n---\none\n\ndone\n');
    rmSync(join(root, INBOX, 'one.md'));
    b.exchange.ended('one');
    a.write(`${INBOX}/four.md`, 'four\n');
    await sync(a, b);
    for (const dir of [url, a.root, root]) git(dir, 'gc', '-q', '--prune=now');
    await sync(a, b);
    expect(a.read('mailboxes/server/complete/one.md')).toContain('done');
    expect(b.read(`${INBOX}/four.md`)).toBe('four\n');
    for (const { root: dir, exchange } of [a, b]) {
      expect(git(dir, 'status', '--porcelain')).toBe('');
      git(dir, 'fsck', '--no-dangling');
      await exchange.close();
    }
  });

  it('an object that is damaged is named, with what to do; healed, it goes on', async () => {
    const url = bareRepository();
    const [a, b] = [await gitHost(url, 'a-1'), await gitHost(url, 'b-1')];
    a.write(`${INBOX}/one.md`, 'one\n');
    await sync(a, b);
    const oid = git(b.root, 'rev-parse', `main:${INBOX}`);
    const path = join(b.root, '.git/objects', oid.slice(0, 2), oid.slice(2));
    const whole = readFileSync(path);
    chmodSync(path, 0o644);
    writeFileSync(path, 'garbage');
    await b.exchange.close();
    const again = await openHost(b.root, url, 'b-1');
    again.write(`${INBOX}/two.md`, 'two\n');
    expect(await problemOf(again)).toContain(oid);
    expect(again.exchange.status.problem?.hint).toContain('fsck');
    expect(again.read(`${INBOX}/one.md`)).toBe('one\n');
    writeFileSync(path, whole);
    await sync(again, a);
    expect(a.read(`${INBOX}/two.md`)).toBe('two\n');
    for (const { exchange } of [a, again]) await exchange.close();
  });
});

describe('a claim ref that holds no claim', () => {
  it('stops nothing, is told once, and its message is taken up when a lease has passed', async () => {
    const url = bareRepository();
    const host = await gitHost(url, 'a-1', { lease: 300 });
    host.write(`${INBOX}/one.md`, '---\nid: "m1"\n---\none\n');
    await sync(host);
    const blob = git(url, 'rev-parse', `main:${INBOX}/one.md`);
    const claim = (key: string, over: Record<string, string | undefined> = {}): string => {
      const fields = {
        ...{ Key: key, Id: key, Host: 'evil-1', Worker: 'server@evil-1', Epoch: '1', Crashes: '0', Lease: '60000ms' },
        ...{ Path: `${INBOX}/one.md`, Blob: blob, Nonce: 'x', ...over },
      };
      const lines = Object.entries(fields).flatMap(([name, value]) =>
        value === undefined ? [] : [`Mailboxd-${name}: ${value}`],
      );
      const tree = rawTree(url, folder(['result', 'evil\n']));
      const text = `claim\n\n${lines.join('\n')}\n`;
      const who = 'E <e@example.org> 1 +0000';
      return rawObject(url, 'commit', `tree ${tree}\nauthor ${who}\ncommitter ${who}\n\n${text}`);
    };
    const garbage: [string, string][] = [
      ['m1', rawObject(url, 'blob', 'no claim\n')],
      ['huge', rawObject(url, 'blob', Buffer.alloc(3_000_000, 'x'))],
      ['empty', claim('empty', { Key: undefined, Epoch: undefined })],
      ['long', claim('long', { Lease: '1000000000000ms' })],
      ['minus', claim('minus', { Epoch: '-1' })],
      ['other', claim('m1')],
      ['outside', claim('outside', { Path: '../../etc/passwd', 'Result-Path': '../../../evil.md' })],
      ['config', claim('config', { 'Result-Path': '.mailboxd/config.yaml' })],
      ['nothing', claim('nothing', { Blob: 'f'.repeat(40), 'Result-Path': `${INBOX}/one.md` })],
      ['odd', claim('odd', { Blob: '--help' })],
    ];
    for (const [key, oid] of garbage) git(url, 'update-ref', `refs/mailboxd/claims/${key}`, oid);
    host.write(`${INBOX}/two.md`, 'two\n');
    await sync(host, host, host);
    expect(git(url, 'ls-tree', '-r', '--name-only', 'main')).toContain('two.md');
    const told = troubles(host);
    expect(new Set(told).size).toBe(told.length);
    for (const [key] of garbage) expect(told.join('\n'), key).toContain(` ${key}`);
    const request = { mailbox: 'server', state: 'inbox', name: 'one.md' } as const;
    await waitUntil(
      async () => {
        const answer = host.exchange.claim(request);
        await host.exchange.settled();
        return (await answer).kind === 'granted';
      },
      { what: 'the claim' },
    );
    expect(existsSync(join(host.root, '../evil.md'))).toBe(false);
    await host.exchange.close();
  });
});
