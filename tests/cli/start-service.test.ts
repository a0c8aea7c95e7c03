/** `mailboxd start` as systemd sees it: ready when it serves, beating while its loop turns, silent when it hangs. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openNotifySocket, pathWithSystemdNotify } from '../service/notify-socket.js';
import { waitUntil } from '../support/wait-until.js';
import { makeRoot, runProgram } from './harness.js';

test('tells systemd that it is ready, beats, and that it stops; a stopped process beats no more', async () => {
  const { dir } = await makeRoot();
  const name = join(dir, 'notify.sock');
  await using socket = await openNotifySocket(name);
  const { PATH } = pathWithSystemdNotify();
  const daemon = runProgram(dir, ['start'], { PATH, NOTIFY_SOCKET: name, WATCHDOG_USEC: '400000' });
  await waitUntil(() => socket.lines().includes('READY=1'), { timeout: 15_000, what: 'READY=1' });
  expect(daemon.out).toContain('mailboxd serves');
  expect(socket.lines()).toContain('STATUS=serves laptop, server');
  await waitUntil(() => socket.beats().length >= 3, { timeout: 15_000, what: 'three beats' });
  daemon.child.kill('SIGSTOP');
  // What was sent before it stopped may still be on its way; then nothing comes.
  let seen = -1;
  let since = performance.now();
  await waitUntil(
    () => {
      if (socket.beats().length !== seen) since = performance.now();
      seen = socket.beats().length;
      return performance.now() - since > 1_500;
    },
    { timeout: 15_000, what: 'silence' },
  );
  daemon.child.kill('SIGCONT');
  daemon.child.kill('SIGTERM');
  expect(await daemon.ended).toBe(0);
  expect(socket.lines()).toContain('STOPPING=1');
});
