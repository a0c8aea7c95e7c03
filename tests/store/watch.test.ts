import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { watchBell } from '../../src/store/watch.js';
import { watches } from '../support/leftovers.js';
import { testdir } from '../support/testdir.js';
import { waitUntil } from '../support/wait-until.js';

test('invariant 7: the bell rings by name soon after a file is renamed in', async () => {
  const dir = testdir({ 'box/': '', 'drop/a.md': 'text\n' });
  const rung: (string | undefined)[] = [];
  const bell = watchBell(join(dir, 'box'), { onRing: (name) => rung.push(name), onTrouble: () => undefined });
  await bell.ready;
  const start = performance.now();
  renameSync(join(dir, 'drop/a.md'), join(dir, 'box/a.md'));
  await waitUntil(() => rung.includes('a.md'), { timeout: 2_000, what: 'the bell' });
  expect(performance.now() - start).toBeLessThan(1_000);
  await bell.close();
});

test('with many files in the folder it rings as well', async () => {
  const many = Object.fromEntries(Array.from({ length: 700 }, (_, n) => [`box/m-${n}.md`, '']));
  const dir = testdir({ ...many, 'drop/new.md': 'text\n' });
  const rung: (string | undefined)[] = [];
  const bell = watchBell(join(dir, 'box'), { onRing: (name) => rung.push(name), onTrouble: () => undefined });
  await bell.ready;
  renameSync(join(dir, 'drop/new.md'), join(dir, 'box/new.md'));
  await waitUntil(() => rung.includes('new.md'), { timeout: 2_000, what: 'the bell' });
  writeFileSync(join(dir, 'box/more.md'), '');
  bell.adapt();
  await bell.close();
});

test.runIf(process.platform === 'linux')('the folder is watched, and none of its files', async () => {
  const before = watches();
  const dir = testdir({ 'box/a.md': 'text\n', 'box/b.md': 'text\n' });
  const rung: (string | undefined)[] = [];
  const bell = watchBell(join(dir, 'box'), { onRing: (name) => rung.push(name), onTrouble: () => undefined });
  await bell.ready;
  writeFileSync(join(dir, 'box/c.md'), 'text\n');
  await waitUntil(() => rung.includes('c.md'), { timeout: 2_000, what: 'the bell for a new file' });
  writeFileSync(join(dir, 'box/a.md'), 'edited in place\n');
  await waitUntil(() => rung.includes('a.md'), { timeout: 2_000, what: 'the bell for an edit' });
  expect(watches() - before).toBe(1);
  await bell.close();
});
