import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createNotifier } from '../../src/service/notify.js';
import { print } from '../support/print.js';
import { testdir } from '../support/testdir.js';
import { waitUntil } from '../support/wait-until.js';
import { openNotifySocket, pathWithSystemdNotify } from './notify-socket.js';

const { PATH, real } = pathWithSystemdNotify();
print(`notify: ${real ? 'the real systemd-notify' : 'a stand-in, since this machine has no systemd-notify'}`);

test.each([
  ['a path', () => join(testdir(), 'notify')],
  ['an abstract name', () => `@mailboxd-test-${process.pid}-${Date.now()}`],
])('readiness, states and status arrive in order at %s', async (_, makeName) => {
  const NOTIFY_SOCKET = makeName();
  await using socket = await openNotifySocket(NOTIFY_SOCKET);
  const problems: string[] = [];
  const notifier = createNotifier({ PATH, NOTIFY_SOCKET }, { onProblem: (message) => problems.push(message) });
  expect(notifier).toMatchObject({ active: true, beatEvery: undefined });
  notifier.ready('serving 2 mailboxes');
  await waitUntil(() => socket.lines().includes('READY=1'), { what: 'READY=1' });
  notifier.status('1 running\nREADY=1\nMAINPID=1');
  await waitUntil(() => socket.lines().some((line) => line.includes('1 running')), { what: 'a status' });
  notifier.status('never seen: overtaken by what follows');
  notifier.status('2 running');
  notifier.stopping('draining');
  await notifier.close();
  notifier.status('too late');
  await waitUntil(() => socket.lines().includes('STATUS=draining'), { what: 'the last notice' });
  const [ready, serving, one, ...rest] = socket.lines();
  expect([ready, serving, one]).toEqual([
    'READY=1',
    'STATUS=serving 2 mailboxes',
    'STATUS=1 running READY=1 MAINPID=1',
  ]);
  expect(rest.slice(-2)).toEqual(expect.arrayContaining(['STOPPING=1', 'STATUS=draining']));
  expect(rest).not.toContain('STATUS=2 running');
  expect(problems).toEqual([]);
});

describe('watchdog', () => {
  const WATCHDOG_USEC = '200000';

  test('beats at half its time from readiness on, and stops for a daemon whose pass is stuck', async () => {
    const NOTIFY_SOCKET = join(testdir(), 'notify');
    await using socket = await openNotifySocket(NOTIFY_SOCKET);
    const problems: string[] = [];
    let healthy = true;
    await using notifier = createNotifier(
      { PATH, NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID: String(process.pid) },
      { isHealthy: () => healthy, onProblem: (message) => problems.push(message) },
    );
    expect(notifier.beatEvery).toBe(100);
    notifier.ready();
    await waitUntil(() => socket.beats().length >= 3, { what: 'three beats' });
    expect(problems).toEqual([]);
    healthy = false;
    await waitUntil(() => silentFor(socket.beats(), 1_000), { what: 'the beat to stop' });
    expect(problems).toEqual(['the daemon is not healthy: no watchdog beat is sent']);
    const before = socket.beats().length;
    notifier.beat();
    healthy = true;
    await waitUntil(() => socket.beats().length > before, { what: 'the beat to come back' });
    notifier.stopping();
    const atStop = socket.beats().length;
    await waitUntil(() => socket.beats().length > atStop + 1, { what: 'beats while it drains' });
  });

  test('a hung event loop stops the beat', async () => {
    const dir = testdir({
      'hang.mjs': `
        import { createNotifier } from ${JSON.stringify(new URL('../../dist/service/notify.js', import.meta.url).href)};
        createNotifier(process.env, { onProblem: console.error }).ready();
        setInterval(() => {}, 1000);
        process.on('SIGUSR2', () => { for (;;); });
      `,
    });
    const NOTIFY_SOCKET = join(dir, 'notify');
    await using socket = await openNotifySocket(NOTIFY_SOCKET);
    const child = spawn(process.execPath, [join(dir, 'hang.mjs')], {
      env: { PATH, NOTIFY_SOCKET, WATCHDOG_USEC },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    try {
      await waitUntil(() => socket.beats().length >= 3, { what: 'three beats', timeout: 15_000 });
      expect(socket.lines()[0]).toBe('READY=1');
      child.kill('SIGUSR2');
      await waitUntil(() => silentFor(socket.beats(), 1_500), { what: 'the beat to stop' });
      expect(child.exitCode).toBeNull();
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
  });

  test.each([
    ['none asked for', {}, undefined],
    ['meant for another process', { WATCHDOG_USEC, WATCHDOG_PID: '1' }, undefined],
    ['not a number', { WATCHDOG_USEC: 'soon' }, undefined],
    ['none', { WATCHDOG_USEC: '0' }, undefined],
    ['a minute', { WATCHDOG_USEC: '60000000' }, 30_000],
    ['longer than a timer holds', { WATCHDOG_USEC: String(Number.MAX_SAFE_INTEGER) }, 2 ** 31 - 1],
  ])('%s', async (_, environment, expected) => {
    await using notifier = createNotifier({ NOTIFY_SOCKET: '/nowhere', ...environment });
    expect(notifier.beatEvery).toBe(expected);
  });
});

test('without NOTIFY_SOCKET nothing is started, whatever is asked', async () => {
  const notifier = createNotifier({ PATH: '/nonexistent', WATCHDOG_USEC: '1000' }, { onProblem: expect.fail });
  notifier.ready('x');
  notifier.status('y');
  notifier.beat();
  notifier.stopping();
  await notifier.close();
  expect(notifier).toMatchObject({ active: false, beatEvery: undefined });
});

test('no systemd-notify, or nobody at the socket: told once, never thrown', async () => {
  for (const environment of [{ PATH: '/nonexistent' }, { PATH }]) {
    const problems: string[] = [];
    const NOTIFY_SOCKET = join(testdir(), 'nobody');
    const notifier = createNotifier(
      { ...environment, NOTIFY_SOCKET },
      { onProblem: (message) => problems.push(message) },
    );
    notifier.ready();
    await waitUntil(() => problems.length > 0, { what: 'the problem' });
    notifier.status('again');
    await notifier.close();
    expect(problems).toEqual([expect.stringContaining('cannot tell systemd the state')]);
  }
});

function silentFor(beats: { at: number }[], ms: number): boolean {
  const last = beats.at(-1);
  return last !== undefined && performance.now() - last.at > ms;
}
