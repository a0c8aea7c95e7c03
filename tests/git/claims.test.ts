import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claimAll as claimNow, type ClaimAnswer, renewalUpdate } from '../../src/git/exchange/claim.js';
import type { Remote } from '../../src/git/remote.js';
import { bareRepository, git, gitHost, openHost, sync, type GitHost } from '../support/git-host.js';
import { waitUntil } from '../support/wait-until.js';

const INBOX = 'mailboxes/server/inbox';
const QUICK = 300;

let url: string;
let a: GitHost;
let b: GitHost;
let ahead: number;
let lost: string[];

beforeEach(async () => {
  url = bareRepository();
  ahead = 0;
  lost = [];
  const hooks = { onApplied: () => undefined, onMoved: () => undefined, withhold: () => undefined };
  a = await gitHost(url, 'a-1', { lease: QUICK, now: () => Date.now() });
  b = await gitHost(url, 'b-1', { lease: QUICK, now: () => Date.now() });
  Object.assign(a.exchange.state.hooks, hooks, { onLost: (held: { id: string }) => void lost.push(held.id) });
  await sync(a, b);
});

afterEach(async () => {
  for (const { exchange } of [a, b]) await exchange.close();
});

function message(id: string): string {
  return `---\nid: "${id}"\n---\n${id}\n`;
}

async function deliver(...ids: string[]): Promise<void> {
  for (const id of ids) a.write(`${INBOX}/${id}.md`, message(id));
  await sync(a, b);
}

async function claimAll(host: GitHost, ...names: string[]): Promise<(ClaimAnswer | { kind: 'offline' })[]> {
  const answers = names.map((name) => host.exchange.claim({ mailbox: 'server', state: 'inbox', name: `${name}.md` }));
  await host.exchange.settled();
  return Promise.all(answers);
}

async function claim(host: GitHost, name: string): Promise<string> {
  return (await claimAll(host, name))[0]?.kind ?? '';
}

/** As a run ends: the file with its output in complete/, and the exchange told. */
function finish(host: GitHost, id: string, output: string, isTold = true): void {
  host.write(`mailboxes/server/complete/${id}.md`, `${message(id)}\n${output}\n`);
  const from = ['in_progress', 'inbox'].map((state) => join(host.root, 'mailboxes/server', state, `${id}.md`));
  for (const path of from) if (existsSync(path)) renameSync(path, join(host.root, '.mailboxd', `${id}.gone`));
  if (isTold) host.exchange.ended(id);
}

/** The next push that concerns main (or any, with `every`) is sent, and then `after` has its say. */
function onPush(
  host: GitHost,
  wants: (push: Parameters<Remote['push']>[0]) => boolean,
  how: Remote['push'],
): () => void {
  const { remote } = host.exchange.state;
  const push = remote.push;
  remote.push = (updates, options) => (wants(updates) ? how : push)(updates, options);
  return () => {
    remote.push = push;
  };
}

const toMain = (updates: Parameters<Remote['push']>[0]): boolean =>
  updates.some(({ ref }) => ref === 'refs/heads/main');
const anywhere = (path: string): string => git(url, 'ls-tree', '-r', '--name-only', 'main', '--', path);
const claims = (): string => git(url, 'for-each-ref', '--format=%(refname)', 'refs/mailboxd/claims');

describe('claims', () => {
  it('are asked for together, and each has its own fate', async () => {
    await deliver('one', 'two', 'three');
    expect(await claim(b, 'two')).toBe('granted');
    a.write(`${INBOX}/three.md`, `${message('three')}edited\n`);
    const pushes: number[] = [];
    const push = a.exchange.state.remote.push;
    onPush(
      a,
      () => true,
      (updates, options) => {
        pushes.push(updates.length);
        return push(updates, options);
      },
    );
    const answers = await claimAll(a, 'one', 'two', 'three', 'none');
    expect(answers.map(({ kind }) => kind)).toEqual(['granted', 'busy', 'unpublished', 'gone']);
    expect(pushes[0]).toBe(2);
    expect(claims()).toBe('refs/mailboxd/claims/one\nrefs/mailboxd/claims/two');
  });

  it('won with an old picture of main are given back', async () => {
    await deliver('one');
    expect(await claim(b, 'one')).toBe('granted');
    finish(b, 'one', 'by b');
    await sync(b);
    expect(claims()).toBe('');
    // Asked for itself: a turn of the exchange may look at the remote first, where the machine is slow.
    const answers = await claimNow(a.exchange.state, [{ mailbox: 'server', state: 'inbox', name: 'one.md' }]);
    expect(answers).toEqual([{ kind: 'gone' }]);
    expect(claims()).toBe('');
    await sync(a);
    expect(a.read('mailboxes/server/complete/one.md')).toContain('by b');
  });

  it('of a file without an id: one winner, and one id, however many ask at once', async () => {
    a.write(`${INBOX}/bare.md`, 'bare\n');
    await sync(a, b);
    const both = await Promise.all([claimAll(a, 'bare'), claimAll(b, 'bare')]);
    const granted = both.flat().flatMap((answer) => (answer.kind === 'granted' ? [answer.held] : []));
    expect(granted).toHaveLength(1);
    expect(claims()).toMatch(/^refs\/mailboxd\/claims\/file\.[0-9a-f]{40}$/);
    expect(await claimAll(a, 'bare')).toMatchObject([{ kind: 'busy' }]);
    expect(git(url, 'log', '-1', '--format=%B', claims())).toContain(`Mailboxd-Epoch: 1\n`);
  });
});

describe('a lease', () => {
  it('that was lost: the run is told, its output is kept beside, and nothing of it comes to main', async () => {
    await deliver('one');
    expect(await claim(a, 'one')).toBe('granted');
    renameSync(join(a.root, INBOX, 'one.md'), join(a.root, '.mailboxd/moved'));
    a.write('mailboxes/server/in_progress/one.md', `${message('one')}\nhalf of it\n`);
    await sync(b);
    await waitUntil(async () => (await claim(b, 'one')) === 'granted', { what: 'the takeover' });
    expect(b.events).toContainEqual({ type: 'taken over', id: 'one', path: `${INBOX}/one.md`, from: 'server@a-1' });
    expect(git(url, 'log', '-1', '--format=%B', claims())).toMatch(/Mailboxd-Epoch: 2\nMailboxd-Crashes: 1\n/);
    expect(a.exchange.holds('one')).toBe(false);
    // It ended without having heard of it: refused whole.
    finish(a, 'one', 'too late');
    await sync(a, a, b);
    expect(lost).toEqual(['one']);
    const path = anywhere('mailboxes');
    expect(path).toMatch(/^mailboxes\/server\/(inbox|in_progress)\/one\.md$/);
    const event = a.events.find(({ type }) => type === 'lost');
    expect(event).toMatchObject({ type: 'lost', id: 'one', kept: expect.stringContaining('.mailboxd/kept/one-1') });
    expect(readFileSync(event?.type === 'lost' ? (event.kept ?? '') : '', 'utf8')).toContain('too late');
    await sync(a);
    expect(a.read(path)).toBe(message('one'));
    expect(existsSync(join(a.root, 'mailboxes/server/complete/one.md'))).toBe(false);
    finish(b, 'one', 'by b');
    await sync(b, a);
    expect(a.read('mailboxes/server/complete/one.md')).toContain('by b');
    expect(git(a.root, 'status', '--porcelain')).toBe('');
  });

  it('is renewed with a new object each time, and shows the run on main only where main is free', async () => {
    await a.exchange.close();
    a = await openHost(a.root, url, 'a-1', { now: () => Date.now() + ahead });
    await deliver('one', 'two');
    await claimAll(a, 'one', 'two');
    const ids = (): string => git(url, 'for-each-ref', '--format=%(objectname)', 'refs/mailboxd/claims');
    const first = ids();
    ahead += 25_000;
    a.exchange.state.contention = 1;
    const isFree = onPush(a, toMain, () => Promise.reject(new Error('main was to be left alone')));
    await sync(a);
    isFree();
    const second = ids();
    expect(second.split('\n').filter((id) => first.includes(id))).toEqual([]);
    expect(anywhere('mailboxes/server/in_progress')).toBe('');
    a.exchange.state.contention = 0;
    ahead += 25_000;
    await sync(a, b);
    expect(
      ids()
        .split('\n')
        .filter((id) => second.includes(id)),
    ).toEqual([]);
    expect(anywhere('mailboxes').split('\n')).toEqual(
      ['one', 'two'].map((id) => `mailboxes/server/in_progress/${id}.md`),
    );
    expect(git(url, 'log', '-1', '--format=%s', 'main')).toBe('claim server: 2 messages');
    // In one second too: an object that stays the same is not sent, and so not checked.
    const { state } = a.exchange;
    const held = state.held.byId('one');
    const still = { ...state, instant: () => ({ wall: 0, mono: 0, boot: 0 }) };
    if (held) expect((await renewalUpdate(still, held)).to).not.toBe((await renewalUpdate(still, held)).to);
    expect(held).toBeDefined();
    expect(a.exchange.holds('one')).toBe(true);
    finish(a, 'one', 'done');
    await sync(a, b);
    expect(b.read('mailboxes/server/complete/one.md')).toContain('done');
  });
});

describe('an end', () => {
  it('that loses its races goes onto its claim, is never taken over, and anyone folds it', async () => {
    await deliver('one');
    expect(await claim(a, 'one')).toBe('granted');
    finish(a, 'one', 'under contention');
    const push = a.exchange.state.remote.push;
    const isQuiet = onPush(a, toMain, (updates, options) => {
      // Once it is on its claim, this host is gone.
      if (git(url, 'log', '-1', '--format=%s', claims()).startsWith('done')) throw new Error('no network');
      const tip = git(url, 'rev-parse', 'main');
      git(url, 'update-ref', 'refs/heads/main', git(url, 'commit-tree', `${tip}^{tree}`, '-p', tip, '-m', 'Another'));
      return push(updates, options);
    });
    // The other host may look, but not publish.
    git(b.root, 'switch', '-q', '-c', 'elsewhere');
    await a.exchange.settled();
    expect(git(url, 'log', '-1', '--format=%s', claims())).toBe('done server: one.md');
    b.exchange.ring({ remote: true });
    await b.exchange.settled();
    const seen = performance.now();
    await waitUntil(() => performance.now() - seen > QUICK * 3 + 500);
    expect(b.exchange.isFree('one')).toBe(false);
    expect(await claim(b, 'one')).toBe('busy');
    git(b.root, 'switch', '-q', 'main');
    await sync(b);
    expect(b.read('mailboxes/server/complete/one.md')).toContain('under contention');
    expect(git(url, 'log', '-1', '--format=%B', 'main')).toMatch(
      /Mailboxd-Finished: one 1\nMailboxd-Folded: [0-9a-f]{40}/,
    );
    expect(claims()).toBe('');
    isQuiet();
    await sync(a, b);
    expect(anywhere('mailboxes')).toBe('mailboxes/server/complete/one.md');
    expect(a.exchange.state.held.all.size).toBe(0);
    for (const { root } of [a, b]) expect(git(root, 'status', '--porcelain')).toBe('');
  });

  /** A push that lands, and of which this host never hears. */
  const unheard = (host: GitHost, wants: (updates: Parameters<Remote['push']>[0]) => boolean): void => {
    const push = host.exchange.state.remote.push;
    const heal = onPush(host, wants, async (updates, options) => {
      heal();
      await push(updates, options);
      throw new Error('the line was cut');
    });
  };

  for (const isRestarted of [false, true]) {
    it(`or a claim whose answer is lost is decided by what is there${isRestarted ? ', after a crash too' : ''}`, async () => {
      await a.exchange.close();
      a = await openHost(a.root, url, 'a-1');
      await deliver('one');
      unheard(a, () => true);
      expect(await claim(a, 'one')).toBe('offline');
      const restart = async (): Promise<void> => {
        if (!isRestarted) return;
        await a.exchange.close();
        a = await openHost(a.root, url, 'a-1');
      };
      const before = claims();
      await restart();
      expect(await claim(a, 'one')).toBe('granted');
      expect(claims()).toBe(before);
      expect(git(url, 'log', '-1', '--format=%B', claims())).toContain('Mailboxd-Epoch: 1\n');
      finish(a, 'one', 'heard of or not', false);
      unheard(a, toMain);
      a.exchange.ended('one');
      await a.exchange.settled();
      expect(anywhere('mailboxes')).toBe('mailboxes/server/complete/one.md');
      const tip = git(url, 'rev-parse', 'main');
      await restart();
      await sync(a, a, b);
      expect(git(url, 'rev-parse', 'main')).toBe(tip);
      expect(a.exchange.state.held.all.size).toBe(0);
      expect(a.events.filter(({ type }) => type === 'lost')).toEqual([]);
      expect(b.read('mailboxes/server/complete/one.md')).toContain('heard of or not');
      expect(git(a.root, 'status', '--porcelain')).toBe('');
    });
  }
});
