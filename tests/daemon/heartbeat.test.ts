import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readPresences } from '../../src/git/presence-look.js';
import { beatingHost, type BeatingHost } from '../support/beating-host.js';
import { bareRepository, git, sync } from '../support/git-host.js';
import { root as project } from '../house/tree.js';
import { waitUntil } from '../support/wait-until.js';

const RUNNING = { id: 'm1', mailbox: 'server', since: '2026-11-20T10:30:00.000Z' };

async function beatOf({ exchange }: BeatingHost, host: string) {
  return (await readPresences(exchange.state)).find((seen) => seen.host === host)?.presence;
}

describe('the heartbeat', () => {
  it('comes with the first turn, and says what the host is and does', async () => {
    const a = await beatingHost(bareRepository(), 'a-1', { running: () => [RUNNING], waiting: () => 2 });
    expect(a.heartbeat.wait()).toBeLessThanOrEqual(0);
    await sync(a);
    const { version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { version: string };
    const now = Date.now();
    const beat = await beatOf(a, 'a-1');
    expect(beat).toMatchObject({
      ...{ host: 'a-1', instance: 'a', version, mailboxes: ['server'], runner: 'simulator' },
      ...{ running: [RUNNING], queue: { server: 2 }, pid: process.pid, interval: 60_000, beat: 1 },
    });
    expect(Math.abs(Date.parse(beat?.at ?? '') - now)).toBeLessThan(10_000);
    expect(a.heartbeat.wait()).toBeGreaterThan(50_000);
    await sync(a);
    expect((await beatOf(a, 'a-1'))?.beat).toBe(1);
    await a.exchange.close();
  });

  it('comes again by itself, another object each time, also where the clock stands', async () => {
    const url = bareRepository();
    const a = await beatingHost(url, 'a-1', { isFree: true, interval: 20, now: () => 1_795_000_000_000 });
    await a.exchange.start();
    const ids = new Set<string>();
    await waitUntil(() => {
      ids.add(git(url, 'rev-parse', 'refs/mailboxd/presence/a-1'));
      return ids.size >= 3;
    });
    await a.exchange.close();
  });

  it('leaves no objects here, however often it comes', async () => {
    const a = await beatingHost(bareRepository(), 'a-1', { interval: 0 });
    await sync(a);
    const objects = git(a.root, 'count-objects');
    await sync(a, a);
    expect((await beatOf(a, 'a-1'))?.beat).toBeGreaterThanOrEqual(3);
    expect(git(a.root, 'count-objects')).toBe(objects);
    expect(a.twins).toEqual([]);
    await a.exchange.close();
  });

  it('ends with the daemon: nothing stays on the remote, and no beat comes after', async () => {
    const url = bareRepository();
    const [a, b] = [await beatingHost(url, 'a-1'), await beatingHost(url, 'b-1')];
    await sync(a, b);
    await a.heartbeat.end(a.exchange.state);
    await sync(a, b);
    await a.heartbeat.turn(a.exchange.state);
    expect(a.heartbeat.wait()).toBe(Infinity);
    expect(git(url, 'for-each-ref', '--format=%(refname)', 'refs/mailboxd')).toBe('refs/mailboxd/presence/b-1');
    for (const { exchange } of [a, b]) await exchange.close();
  });

  it('that does not arrive stops nothing, is tried again soon, and takes nothing away at the end', async () => {
    const url = bareRepository();
    const a = await beatingHost(url, 'a-1');
    a.write('mailboxes/server/inbox/hello.md', 'hello\n');
    await sync(a);
    const before = git(url, 'rev-parse', 'refs/mailboxd/presence/a-1');
    const b = await beatingHost(url, 'a-1');
    writeFileSync(join(url, 'refs/mailboxd/presence/a-1.lock'), '');
    await sync(b);
    expect(b.heartbeat.wait()).toBeLessThanOrEqual(5_000);
    expect(b.read('mailboxes/server/inbox/hello.md')).toBe('hello\n');
    await b.heartbeat.end(b.exchange.state);
    expect(git(url, 'rev-parse', 'refs/mailboxd/presence/a-1')).toBe(before);
    for (const { exchange } of [a, b]) await exchange.close();
  });

  it('notices a copied root, on both sides, and takes nobody for one that was only started again', async () => {
    const url = bareRepository();
    const first = await beatingHost(url, 'a-1', { interval: 0 });
    await sync(first);
    const again = await beatingHost(url, 'a-1', { interval: 0 });
    await sync(again, again, again);
    expect(again.twins).toEqual([]);
    // The last push of the first start arrives late: once is no sign of life.
    await sync(first, again);
    expect(again.twins).toEqual([]);
    await sync(first, again, first, again);
    expect(again.twins).toHaveLength(1);
    expect(first.twins).toHaveLength(1);
    expect(first.twins[0]?.nonce).not.toBe(again.twins[0]?.nonce);
    for (const { exchange } of [first, again]) await exchange.close();
  });
});
