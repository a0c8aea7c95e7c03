import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isAlive, processId } from '../../src/host/process-id.js';
import { testdir } from '../support/testdir.js';
import { waitUntil } from '../support/wait-until.js';
import { makeRoot, namesIn, pathOf, startDaemonProcess, told } from './daemon-process.js';

const SIMULATED = 'runner: simulator\n';

test('kill -9 of a daemon whose command has a child: the next start ends the orphans before anything else', async () => {
  const dir = testdir({ 'parent.sh': '#!/bin/sh\nsleep 600 &\necho $$ $! > "$PIDS"\nwait\n' });
  chmodSync(join(dir, 'parent.sh'), 0o755);
  const pids = join(dir, 'pids');
  const root = makeRoot(
    join(dir, 'root'),
    `runner: command\nrunners: { command: { argv: ["${dir}/parent.sh"], env: { PIDS: "${pids}" } } }\n`,
  );
  writeFileSync(pathOf(root, 'inbox', 'a.md'), '---\non_crash: fail\n---\nsleep\n');
  const first = startDaemonProcess(root);
  const found = await waitUntil(() => /^(\d+) (\d+)$/m.exec(attempt(() => readFileSync(pids, 'utf8')) ?? ''), {
    what: 'the child',
  });
  const orphans = [found[1], found[2]].map((pid) => processId(Number(pid)) ?? '');
  await first.kill();
  expect(orphans.map(isAlive)).toEqual([true, true]);

  const second = startDaemonProcess(root);
  await waitUntil(() => namesIn(root, 'failed').includes('a.md'), { what: 'the message to fail' });
  expect(orphans.map(isAlive)).toEqual([false, false]);
  expect(await second.kill('SIGTERM')).toBe(0);
  const events = told(root);
  const swept = events.findIndex((event) => event.message?.includes('a killed daemon had left 2 processes'));
  expect(swept).toBeGreaterThan(-1);
  expect(events.findIndex((event) => event.type === 'recovered')).toBeGreaterThan(swept);
});

test.each([
  ['resume', true, 'complete'],
  ['restart', false, 'complete'],
  ['fail', undefined, 'failed'],
] as const)('on_crash: %s', async (policy, resumed, end) => {
  const root = makeRoot(testdir(), SIMULATED);
  const path = pathOf(root, 'inbox', 'a.md');
  writeFileSync(path, `---\non_crash: ${policy}\n---\nsimulate: duration 3s\n`);
  const first = startDaemonProcess(root);
  await waitUntil(() => told(root).some((event) => event.type === 'claimed'), { what: 'the claim' });
  await waitUntil(
    () =>
      namesIn(root, 'in_progress').includes('a.md') &&
      readFileSync(pathOf(root, 'in_progress', 'a.md'), 'utf8').includes('simulated'),
    { what: 'output' },
  );
  const session = /session: "([^"]+)"/.exec(readFileSync(pathOf(root, 'in_progress', 'a.md'), 'utf8'))?.[1];
  await first.kill();

  const second = startDaemonProcess(root);
  await waitUntil(() => namesIn(root, end).includes('a.md'), { timeout: 15_000, what: `the end in ${end}/` });
  expect(await second.kill('SIGTERM')).toBe(0);
  const text = readFileSync(pathOf(root, end, 'a.md'), 'utf8');
  const claims = told(root).filter((event) => event.type === 'claimed');
  expect(claims).toHaveLength(policy === 'fail' ? 1 : 2);
  expect(claims[1]?.resumed).toBe(resumed);
  expect(text.split('simulate: duration 3s\n')).toHaveLength(2);
  expect(text).toContain('outcome: "interrupted"');
  if (policy === 'resume') expect(text).toContain(`The simulated session ${session} was resumed`);
  if (policy === 'restart') expect(text).not.toContain('was resumed');
  if (policy === 'fail') expect(text).toContain('its worker stopped without warning, and on_crash is fail');
});

test('a message that is cut off max_crashes times ends in failed/ and says so', { timeout: 60_000 }, async () => {
  const root = makeRoot(testdir(), `${SIMULATED}limits: { max_crashes: 2 }\n`);
  writeFileSync(pathOf(root, 'inbox', 'a.md'), 'simulate: hang\n');
  for (let life = 1; life <= 2; life += 1) {
    const daemon = startDaemonProcess(root);
    await waitUntil(() => told(root).filter((event) => event.type === 'claimed').length === life, {
      timeout: 10_000,
      what: `claim ${life}`,
    });
    await daemon.kill();
  }
  const last = startDaemonProcess(root);
  await waitUntil(() => namesIn(root, 'failed').includes('a.md'), { timeout: 10_000, what: 'the end' });
  expect(await last.kill('SIGTERM')).toBe(0);
  const text = readFileSync(pathOf(root, 'failed', 'a.md'), 'utf8');
  expect(text).toContain('**Failed** (max_crashes): it was cut off with its worker 2 times');
  expect(text).toContain('code: "max_crashes"');
  expect(told(root).filter((event) => event.type === 'claimed')).toHaveLength(2);
});

function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
