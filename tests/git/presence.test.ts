import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatPresence, parsePresence, type Presence, writePresence } from '../../src/git/presence.js';
import { openPresenceLook, readPresences, type LookPlace } from '../../src/git/presence-look.js';
import { beatingHost } from '../support/beating-host.js';
import { bareRepository, git, gitHost, sync } from '../support/git-host.js';
import { testdir } from '../support/testdir.js';

const AT = '2026-11-20T10:30:00.000Z';
const RUNNING = { id: '0199f3c2-7d1e-7a44-9c1b-2f6f0a6f5e11', mailbox: 'server', since: AT };

function presenceOf(host: string, more: Partial<Presence> = {}): Presence {
  return {
    ...{ host, instance: 'server', version: '0.3.0', mailboxes: ['server', 'mail.2'], runner: 'claude' },
    ...{ running: [RUNNING], queue: { server: 3, 'mail.2': 0 }, load: 0.42, pid: 4711, started: AT },
    ...{ interval: 30_000, nonce: 'a1b2', beat: 7, at: AT, ...more },
  };
}

/** Where a look works from a root. */
function lookFrom(root: string, url: string): LookPlace {
  return { root, ownDir: join(root, '.mailboxd/git'), url };
}

async function readFrom(root: string, url: string) {
  const look = openPresenceLook(lookFrom(root, url));
  try {
    return await look.read();
  } finally {
    look.close();
  }
}

describe('a presence', () => {
  it('is read as it was written, with a title for people', () => {
    for (const presence of [presenceOf('build-2'), presenceOf('build-2', { instance: undefined, running: [] })])
      expect(parsePresence(formatPresence(presence), 'build-2')).toEqual(presence);
    expect(formatPresence(presenceOf('build-2')).split('\n')[0]).toBe('presence build-2: 1 running, 3 waiting');
  });

  it('of a host with very many mailboxes is told in part, and can be read', () => {
    const names = Array.from({ length: 3_000 }, (_, n) => `${'m'.repeat(55)}-${n}`);
    const queue = Object.fromEntries(names.map((name) => [name, 1]));
    const read = parsePresence(formatPresence(presenceOf('a-1', { mailboxes: names, queue })), 'a-1');
    expect(read.mailboxes).toHaveLength(200);
    expect(formatPresence(presenceOf('a-1', { mailboxes: names, queue }))).toContain('3000 waiting');
  });

  it.each<[string, unknown]>([
    ['no JSON', undefined],
    ['a list', []],
    ['null', null],
    ['the host', { host: 'other' }],
    ['a number as a name', { instance: 7 }],
    ['an endless text', { version: 'x'.repeat(200) }],
    ['no runner', { runner: undefined }],
    ['a mailbox that leads elsewhere', { mailboxes: ['../x'] }],
    ['mailboxes that are none', { mailboxes: 'server' }],
    ['too many of them', { mailboxes: Array.from({ length: 500 }, (_, n) => `m${n}`) }],
    ['a task without a time', { running: [{ ...RUNNING, since: 'soon' }] }],
    ['a task with an id that is none', { running: [{ ...RUNNING, id: 'a b\u001b[2J' }] }],
    ['a task that is a number', { running: [1] }],
    ['a queue below nothing', { queue: { server: -1 } }],
    ['a queue of words', { queue: { server: 'many' } }],
    ['a queue that is a list', { queue: [1] }],
    ['a load that is none', { load: null }],
    ['an interval of years', { interval: 1e12 }],
    ['a time that is none', { at: 'now' }],
    ['a beat that is none', { beat: -1 }],
  ])('is refused for %s', (_, change) => {
    const isObject = typeof change === 'object' && change !== null && !Array.isArray(change);
    const value = isObject ? { ...presenceOf('a-1'), ...change } : change;
    const text = value === undefined ? 'hello' : JSON.stringify(value);
    expect(() => parsePresence(`title\n\n${text}\n`, 'a-1')).toThrow(/found a presence of "a-1"/);
  });

  it('is refused when it is too long', () => {
    const text = `${formatPresence(presenceOf('a-1'))}${' '.repeat(70_000)}`;
    expect(() => parsePresence(text, 'a-1')).toThrow(/found a presence of "a-1" of \d+ characters/);
  });
});

describe('presences on a remote', () => {
  it('of two hosts are seen by a third, which has no repository, and leave nothing there', async () => {
    const url = bareRepository();
    const [a, b] = [await beatingHost(url, 'a-1'), await beatingHost(url, 'b-1', { waiting: () => 4 })];
    await sync(a, b);
    const root = testdir({ 'mailboxes/': '' });
    const seen = await readFrom(root, relative(root, url));
    expect(seen.map(({ host, problem }) => [host, problem])).toEqual([
      ['a-1', undefined],
      ['b-1', undefined],
    ]);
    expect(seen[1]?.presence).toMatchObject({ instance: 'b', queue: { server: 4 }, mailboxes: ['server'], beat: 1 });
    expect(readdirSync(join(root, '.mailboxd/git'))).toEqual([]);
    expect(git(url, 'cat-file', '-p', 'refs/mailboxd/presence/a-1^{tree}')).toBe('');
    expect(git(url, 'log', '--format=%P', 'refs/mailboxd/presence/a-1')).toBe('');
    for (const { exchange } of [a, b]) await exchange.close();
  });

  it('that are nonsense hide no other', async () => {
    const url = bareRepository();
    const a = await beatingHost(url, 'a-1');
    a.write('mailboxes/server/inbox/hello.md', 'hello\n');
    await sync(a);
    const put = (host: string, oid: string): string => git(url, 'update-ref', `refs/mailboxd/presence/${host}`, oid);
    const file = (text: string): string => {
      const path = join(testdir({ text }), 'text');
      return git(url, 'hash-object', '-w', path);
    };
    const tree = git(url, 'mktree', '--missing');
    put('blob', file('x'));
    put('main', git(url, 'rev-parse', 'main'));
    put('alias', git(url, 'rev-parse', 'refs/mailboxd/presence/a-1'));
    put('bytes', git(url, 'commit-tree', tree, '-F', join(testdir({ t: Buffer.from([0x78, 0xff, 0xfe]) }), 't')));
    put('long', git(url, 'commit-tree', tree, '-F', join(testdir({ t: 'long '.repeat(40_000) }), 't')));
    const seen = await readPresences(a.exchange.state);
    expect(seen.filter(({ presence }) => presence).map(({ host }) => host)).toEqual(['a-1']);
    const problems = Object.fromEntries(seen.map(({ host, problem }) => [host, problem]));
    expect(problems).toMatchObject({
      blob: 'found a blob there',
      main: expect.stringContaining('without its line of JSON'),
      alias: expect.stringContaining('with host "a-1"'),
      bytes: expect.stringContaining('without its line of JSON'),
      long: 'found one that is too long there',
    });
    await a.exchange.close();
  });

  it('are looked at while an exchange turns in the same root, and neither minds', async () => {
    const url = bareRepository();
    const busy = await beatingHost(url, 'busy-1', { isFree: true, interval: 1 });
    const other = await beatingHost(url, 'other-1');
    await sync(other);
    await busy.exchange.start();
    const before = git(busy.root, 'for-each-ref', '--format=%(refname)');
    const look = openPresenceLook(lookFrom(busy.root, url));
    for (let n = 0; n < 5; n += 1) {
      busy.exchange.ring({ remote: true });
      const [seen, again] = await Promise.all([look.read(), readFrom(busy.root, url)]);
      for (const found of [seen, again]) expect(found.map(({ host }) => host)).toEqual(['busy-1', 'other-1']);
    }
    look.close();
    await busy.exchange.settled();
    expect(busy.exchange.status.problem).toBe(undefined);
    expect(busy.events).toEqual([]);
    expect(git(busy.root, 'for-each-ref', '--format=%(refname)')).toBe(before);
    expect(existsSync(join(busy.root, '.mailboxd/git', 'lock'))).toBe(true);
    for (const { exchange } of [busy, other]) await exchange.close();
  });

  it('are no news: what the exchange last saw stands', async () => {
    const a = await gitHost(bareRepository(), 'a-1');
    a.write('mailboxes/server/inbox/hello.md', 'hello\n');
    await sync(a, a);
    const { state } = a.exchange;
    const view = await state.remote.fetch(['claims', 'follow']);
    expect(await writePresence(state, presenceOf('a-1'))).toMatchObject({ kind: 'ok' });
    expect(await state.remote.fetch(['claims', 'follow'])).toBe(view);
    await a.exchange.close();
  });

  it('live below refs/heads where the remote takes nothing else', async () => {
    const url = bareRepository();
    const a = await beatingHost(url, 'a-1');
    mkdirSync(join(url, 'hooks'), { recursive: true });
    const hook = '#!/bin/sh\ncase "$1" in refs/heads/*) ;; *) exit 1 ;; esac\n';
    writeFileSync(join(url, 'hooks/update'), hook, { mode: 0o755 });
    await sync(a);
    expect(git(url, 'for-each-ref', '--format=%(refname)')).toBe('refs/heads/mailboxd/presence/a-1');
    expect((await readPresences(a.exchange.state)).map(({ presence }) => presence?.host)).toEqual(['a-1']);
    await a.heartbeat.end(a.exchange.state);
    expect(await readPresences(a.exchange.state)).toEqual([]);
    await a.exchange.close();
  });

  it('are reached as the root is set up to reach its remote', async () => {
    const url = bareRepository();
    const a = await beatingHost(url, 'a-1');
    await sync(a);
    git(a.root, 'config', `url.${dirname(url)}/.insteadOf`, 'ours:');
    const seen = await readFrom(a.root, `ours:${url.slice(dirname(url).length + 1)}`);
    expect(seen.map(({ host }) => host)).toEqual(['a-1']);
    await a.exchange.close();
  });

  it('cannot be looked at where the remote is not there; what a killed look left is swept', async () => {
    const root = testdir({ 'mailboxes/': '', '.mailboxd/git/look~999999999.1~0/HEAD': 'x' });
    await expect(readFrom(root, join(root, 'none.git'))).rejects.toMatchObject({
      code: 'unavailable',
      hint: expect.stringContaining('git ls-remote'),
    });
    expect(readdirSync(join(root, '.mailboxd/git'))).toEqual([]);
  });
});
