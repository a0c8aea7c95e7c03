import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { beatingHost } from '../support/beating-host.js';
import { runDaemon, testRoot } from '../support/daemon.js';
import { bareRepository, git, sync } from '../support/git-host.js';
import { testdir } from '../support/testdir.js';
import { waitUntil } from '../support/wait-until.js';
import { callsIn, start } from './harness.js';

const SINCE = '2026-11-20T10:30:00.000Z';
const RUNNING = ['0199f3c2-7d1e-7a44-9c1b-2f6f0a6f5e11', '0199f3c2-7d1e-7b00-9c1b-2f6f0a6f5e12'].map((id) => ({
  ...{ id, mailbox: 'server', since: SINCE },
}));

describe('workers', () => {
  test('shows the hosts of the remote where no daemon runs, as a table, in a pipe and as JSON', async () => {
    const url = bareRepository();
    const a = await beatingHost(url, 'build-1', { running: () => RUNNING, waiting: () => 3 });
    const b = await beatingHost(url, 'test-host');
    await sync(a, b);
    git(url, 'update-ref', 'refs/mailboxd/presence/evil', git(url, 'hash-object', '-w', join(url, 'HEAD')));
    const dir = testRoot(`remote: ${url}\n`);
    const mb = callsIn(dir);

    const { code, json } = await mb('workers', '--json');
    expect(code).toBe(0);
    const { remote, workers, unreadable, daemons } = json();
    expect({ remote, unreadable, daemons }).toEqual({
      ...{ remote: url, daemons: [] },
      unreadable: [{ host: 'evil', problem: 'found a blob there' }],
    });
    const keys = 'host instance own state judged quiet_ms version mailboxes runner running queue load pid started';
    expect(Object.keys(workers[0])).toEqual([...keys.split(' '), 'interval_ms', 'at']);
    expect(workers[0]).toMatchObject({
      ...{ host: 'build-1', instance: 'build', own: false, state: 'alive', judged: 'there', running: RUNNING },
      ...{ queue: { server: 3 }, mailboxes: ['server'], runner: 'simulator', interval_ms: 60_000 },
    });
    expect(workers[1]).toMatchObject({ host: 'test-host', own: true });

    const piped = await mb('workers');
    expect(
      piped.out
        .split('\n')[0]
        ?.split('\t')
        .map((cell, at) => (at === 5 || at === 6 ? '*' : cell)),
    ).toEqual(['build-1', 'build', 'server', RUNNING.map(({ id }) => id).join(','), '3', '*', '*', 'alive', 'there']);
    expect(piped.err).toContain('evil cannot be shown: found a blob there');

    const table = (await callsIn(dir, { tty: { stdout: true }, columns: 140 })('workers')).out;
    expect(table).toMatch(/^STATE +HOST +INSTANCE +RUNNING +QUEUE +LOAD +VERSION +MAILBOXES$/m);
    expect(table).toMatch(/^alive\* +build-1 +build +2: 0199f3c2-7d1e-7a, 0199f3c2-7d1e-7b +3 +[\d.]+ +\S+ +server$/m);
    expect(table).toMatch(/^alive\* +test-host \(here\) +test +0 +0 /m);
    expect(table).toContain('* by its own clock');
    expect(existsSync(join(dir, '.git'))).toBe(false);
    for (const { exchange } of [a, b]) await exchange.close();
  });

  test('--watch stays up to date on a terminal, through an outage, until Ctrl-C', async () => {
    const url = bareRepository();
    const a = await beatingHost(url, 'build-1');
    await sync(a);
    const dir = testRoot(`remote: ${url}\n`);
    const watch = start({ cwd: dir, tty: { stdout: true } }, 'workers', '--watch');
    await waitUntil(() => watch.out.includes('alive*'), { what: 'the first look' });
    await a.heartbeat.turn(a.exchange.state);
    await waitUntil(() => /alive +build-1/.test(watch.out), { what: 'the second look' });
    watch.signal();
    expect((await watch.result).code).toBe(0);
    expect(await callsIn(dir)('workers', '--watch')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^build-1\t/),
    });
    await a.exchange.close();
  });

  test('says that nobody is there, and when the remote cannot be reached', async () => {
    const empty = testRoot(`remote: ${bareRepository()}\n`);
    expect(await callsIn(empty, { tty: { stdout: true } })('workers')).toMatchObject({
      code: 0,
      out: 'no worker has shown itself on the remote\n',
    });
    const away = callsIn(testRoot(`remote: ${join(testdir(), 'none.git')}\n`));
    expect(await away('workers')).toMatchObject({ code: 69, err: expect.stringContaining('git ls-remote') });
    expect((await away('workers', '--json')).json()).toMatchObject({ error: { code: 'unavailable' } });
  });

  test('without a remote shows the daemons of the root, and says so', async () => {
    const dir = testRoot();
    const mb = callsIn(dir);
    expect(await mb('workers')).toMatchObject({
      code: 0,
      out: '',
      err: expect.stringMatching(/no remote[^]*none runs/),
    });
    await using _ = await runDaemon(dir, { mailboxes: ['server'] });
    expect((await mb('workers', '--json')).json()).toEqual({
      ...{ remote: null, workers: [], unreadable: [] },
      daemons: [{ pid: process.pid, mailboxes: ['server'], runner: 'simulator', since: expect.any(String) }],
    });
    expect((await mb('workers')).out).toMatch(new RegExp(`^${process.pid}\tserver\tsimulator\t2`));
    const table = (await callsIn(dir, { tty: { stdout: true } })('workers')).out;
    expect(table).toMatch(/^PID +MAILBOXES +RUNNER +SINCE\n\d+ +server +simulator/);
  });
});

describe('notify', () => {
  test('rings, wherever it is called from, and says whether a daemon hears it', async () => {
    const dir = testRoot();
    const bell = join(dir, '.mailboxd/bell');
    const elsewhere = callsIn(testdir());
    expect(await elsewhere('notify', dir)).toMatchObject({
      code: 0,
      out: expect.stringContaining('no daemon runs in'),
    });
    expect(existsSync(bell)).toBe(true);
    expect(await elsewhere('notify')).toMatchObject({ code: 3 });
    expect(await elsewhere('notify', 'nowhere')).toMatchObject({ code: 3 });
    await using _ = await runDaemon(dir, { mailboxes: ['server'] });
    const before = readFileSync(bell, 'utf8');
    await waitUntil(() => new Date().toISOString() > before.trim());
    const mb = callsIn(dir);
    expect(await mb('notify')).toMatchObject({ code: 0, out: `the daemon of ${dir} will look now\n` });
    expect(readFileSync(bell, 'utf8')).not.toBe(before);
    expect((await mb('notify', '--json')).json()).toEqual({ root: dir, pids: [process.pid] });
  });
});
