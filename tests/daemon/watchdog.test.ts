import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { MailboxError } from '../../src/core/errors.js';
import { createWatchdog, type Watchdog } from '../../src/daemon/watchdog/watchdog.js';
import { isAlive, processId } from '../../src/host/process-id.js';
import { listProcesses } from '../../src/host/process-table.js';
import { endProcesses, findTagged } from '../../src/runners/process/index.js';
import { testdir } from '../support/testdir.js';
import { waitUntil } from '../support/wait-until.js';

const home = testdir();
const open: AsyncDisposable[] = [];
const sessions: string[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]();
  for (const session of sessions.splice(0)) await endProcesses(session, undefined, { grace: 0 });
});

interface TestRun {
  session: string;
  process: string;
  /** How many of its processes live. */
  left(): number;
}

/** A run of three processes, one of which has left the group of the first. */
async function startRun(trap = ''): Promise<TestRun> {
  const session = randomUUID();
  sessions.push(session);
  const child = spawn('/bin/sh', ['-c', `${trap}sleep 600 & setsid sleep 600 & wait; sleep 600`], {
    cwd: home,
    env: { PATH: process.env['PATH'] ?? '', MAILBOXD_RUN: session },
    detached: true,
    stdio: 'ignore',
  });
  const left = (): number => findTagged(session).length;
  await waitUntil(() => left() === 3, { what: 'three processes' });
  await waitUntil(() => groupsOf(session) === 2, { what: 'a process that left the group' });
  return { session, process: processId(child.pid ?? 0) ?? '', left };
}

function groupsOf(session: string): number {
  const tagged = new Set(findTagged(session));
  return new Set(
    listProcesses()
      .filter((entry) => tagged.has(entry.pid))
      .map((entry) => entry.group),
  ).size;
}

function newWatchdog(then?: () => void): { watchdog: Watchdog; troubles: string[] } {
  const troubles: string[] = [];
  const onTrouble = (fault: MailboxError): void => {
    troubles.push(fault.message);
    then?.();
  };
  const watchdog = createWatchdog({ environment: { PATH: process.env['PATH'], HOME: home }, onTrouble });
  open.push(watchdog);
  return { watchdog, troubles };
}

/** Waits until nothing of the run is left, and says how long that took, ms. */
async function ended(run: TestRun): Promise<number> {
  const began = performance.now();
  await waitUntil(() => run.left() === 0, { what: 'the end of the run' });
  return performance.now() - began;
}

/** Shows that a run lives on: another one, whose time comes later, was ended meanwhile. */
async function outlives(watchdog: Watchdog, run: TestRun, left: number): Promise<void> {
  const other = await startRun();
  watchdog.watch(other.session, other.process, left);
  await ended(other);
  expect(run.left()).toBe(3);
}

describe('a run', () => {
  it('is ended when its time is over, and not before', async () => {
    const { watchdog, troubles } = newWatchdog();
    const run = await startRun();
    watchdog.watch(run.session, run.process, 800);
    const took = await ended(run);
    expect(took).toBeGreaterThan(700);
    expect(took).toBeLessThan(2_000);
    expect(troubles).toEqual([]);
  });

  it('is ended when it does not listen to SIGTERM', async () => {
    const { watchdog } = newWatchdog();
    const run = await startRun("trap '' TERM; ");
    watchdog.watch(run.session, run.process, 0);
    expect(await ended(run)).toBeLessThan(2_000);
  });

  it('is found by its tag alone', async () => {
    const { watchdog } = newWatchdog();
    const run = await startRun();
    watchdog.watch(run.session, undefined, 0);
    await ended(run);
  });

  it('lives longer when it is given more time', async () => {
    const { watchdog } = newWatchdog();
    const run = await startRun();
    watchdog.watch(run.session, run.process, 400);
    watchdog.extend(run.session, 60_000);
    await outlives(watchdog, run, 800);
    watchdog.extend(run.session, 0);
    await ended(run);
  });

  it('is left alone once it is forgotten', async () => {
    const { watchdog } = newWatchdog();
    const run = await startRun();
    watchdog.watch(run.session, run.process, 400);
    watchdog.forget(run.session);
    watchdog.extend(run.session, 0);
    await outlives(watchdog, run, 800);
    await watchdog.close();
    expect(run.left()).toBe(3);
  });

  it('is ended with the watchdog when nobody forgot it', async () => {
    const { watchdog } = newWatchdog();
    const run = await startRun();
    watchdog.watch(run.session, run.process, 60_000);
    await watchdog.close();
    expect(run.left()).toBe(0);
  });
});

describe('the watchdog', () => {
  it('is not started before there is something to watch, and is gone after its end', async () => {
    const { watchdog } = newWatchdog();
    watchdog.extend('nothing', 0);
    watchdog.forget('nothing');
    expect(watchdog.pid).toBeUndefined();
    watchdog.watch(randomUUID(), undefined, 60_000);
    const id = processId(watchdog.pid ?? 0) ?? '';
    expect(isAlive(id)).toBe(true);
    await watchdog.close();
    expect(isAlive(id)).toBe(false);
    expect(watchdog.pid).toBeUndefined();
    watchdog.watch(randomUUID(), undefined, 60_000);
    expect(watchdog.pid).toBeUndefined();
  });

  it('is started anew when it was killed, and knows what it watched', async () => {
    const { watchdog, troubles } = newWatchdog();
    const run = await startRun();
    watchdog.watch(run.session, run.process, 1_000);
    const first = watchdog.pid ?? 0;
    process.kill(first, 'SIGKILL');
    await waitUntil(() => watchdog.pid !== undefined && watchdog.pid !== first, { what: 'another watchdog' });
    expect(troubles).toEqual(['the watchdog of the runs ended (SIGKILL); it is started again']);
    expect(await ended(run)).toBeLessThan(2_500);

    const next = await startRun();
    watchdog.watch(next.session, next.process, 0);
    await ended(next);
    expect(troubles).toHaveLength(1);
  });

  it('takes what it is told while it is dead', async () => {
    const pids: (number | undefined)[] = [];
    const { watchdog } = newWatchdog(() => {
      watchdog.watch(late.session, late.process, 0);
      pids.push(watchdog.pid);
    });
    const [kept, late] = [await startRun(), await startRun()];
    watchdog.watch(kept.session, kept.process, 300);
    const first = watchdog.pid ?? 0;
    process.kill(first, 'SIGKILL');
    // Without a turn of the event loop: into a pipe that nobody reads any more.
    while (processId(first) !== undefined);
    watchdog.extend(kept.session, 60_000);
    await ended(late);
    expect(kept.left()).toBe(3);
    // It is told once there is another one, and does not start one more.
    expect(pids).toEqual([undefined]);
    watchdog.forget(kept.session);
  });
});

/** A process that watches one run as the daemon does, and then does nothing. */
function startDaemon(run: TestRun, left: number): { daemon: ChildProcess; watchdog: Promise<number> } {
  const program = `
    import { createWatchdog } from ${JSON.stringify(new URL('../../dist/daemon/watchdog/watchdog.js', import.meta.url).href)};
    const watchdog = createWatchdog({ onTrouble: console.error });
    watchdog.watch(${JSON.stringify(run.session)}, ${JSON.stringify(run.process)}, ${left});
    console.log(watchdog.pid);
    setInterval(() => {}, 1_000);`;
  const env = { PATH: process.env['PATH'] ?? '', HOME: home };
  const daemon = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: home,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const watchdog = new Promise<number>((resolve) => daemon.stdout.once('data', (text) => resolve(Number(text))));
  open.push({
    [Symbol.asyncDispose]: async () => {
      daemon.kill('SIGKILL');
      const pid = await watchdog;
      await waitUntil(() => processId(pid) === undefined, { what: 'the end of the watchdog' });
    },
  });
  return { daemon, watchdog };
}

function hearsHangup(pid: number): boolean {
  const caught = /^SigCgt:\t(\w+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '0';
  return (Number.parseInt(caught.slice(-1), 16) & 1) === 1;
}

describe('a daemon', () => {
  it('that is killed takes its runs along', async () => {
    const run = await startRun();
    const { daemon, watchdog } = startDaemon(run, 60_000);
    await watchdog;
    daemon.kill('SIGKILL');
    expect(await ended(run)).toBeLessThan(2_000);
  });

  it('that hangs has its runs ended in time', async () => {
    const run = await startRun();
    const { daemon, watchdog } = startDaemon(run, 700);
    await watchdog;
    daemon.kill('SIGSTOP');
    expect(await ended(run)).toBeLessThan(2_000);
  });

  it('has a watchdog that no signal to end but SIGKILL ends', async () => {
    const run = await startRun();
    const { daemon, watchdog } = startDaemon(run, 60_000);
    const pid = await watchdog;
    expect(listProcesses().find((entry) => entry.pid === pid)?.group).toBe(pid);
    await waitUntil(() => hearsHangup(pid), { what: 'a watchdog that has begun' });
    // It could start another one.
    daemon.kill('SIGSTOP');
    for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.kill(pid, signal);
    daemon.kill('SIGKILL');
    expect(await ended(run)).toBeLessThan(2_000);
  });
});
