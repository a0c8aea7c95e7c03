import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readServing } from '../../src/mailbox/serving.js';
import { runDaemon, testRoot } from '../support/daemon.js';

it('every daemon says what it serves while it runs, but one that takes chosen tasks alone', async () => {
  const root = testRoot();
  expect(readServing(root)).toEqual([]);
  const first = await runDaemon(root, { mailboxes: ['server'] });
  const second = await runDaemon(root, { mailboxes: ['laptop'] });
  const third = await runDaemon(root, { accepts: () => false });
  const serves = (): string[] =>
    readServing(root)
      .flatMap(({ mailboxes }) => mailboxes)
      .toSorted();
  expect(serves()).toEqual(['laptop', 'server']);
  expect(readServing(root)[0]).toMatchObject({ pid: process.pid, runner: 'simulator' });
  await third.daemon.stop(0);
  await first.daemon.stop(0);
  expect(serves()).toEqual(['laptop']);
  await second.daemon.stop(0);
  expect(serves()).toEqual([]);
});

it('a file whose process is gone says nothing', async () => {
  const root = testRoot();
  await using d = await runDaemon(root, { mailboxes: ['server'] });
  writeFileSync(join(root, '.mailboxd/serving/999999999.1~0.json'), '{"mailboxes":["laptop"],"runner":"simulator"}');
  expect(readServing(root)).toHaveLength(1);
  expect(d.daemon.mailboxes).toEqual(['server']);
});
