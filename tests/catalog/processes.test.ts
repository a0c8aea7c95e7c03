/** Two processes on one index, and the end of one at any moment. The other process runs dist/. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openCatalog, type Catalog } from '../../src/catalog/index.js';
import { acquireLock, OWN_IDENTITY } from '../../src/catalog/lock.js';
import { testdir } from '../support/testdir.js';
import { waitUntil } from '../support/wait-until.js';
import { applyTo, changeOf, Model, sorted, type Change } from './changes.js';

const script = fileURLToPath(new URL('fixtures/writer.mjs', import.meta.url));
const open = (dir: string, mode: 'write' | 'read' = 'write'): Promise<Catalog> =>
  openCatalog(dir, {
    mode,
    toRecord: () => {
      throw new Error('no folders here');
    },
  });

interface Writer {
  child: ChildProcess;
  said: () => string;
}

function startWriter(dir: string, changes: Change[]): Writer {
  const file = `${testdir()}/changes.ndjson`;
  writeFileSync(file, changes.map((change) => `${JSON.stringify(change)}\n`).join(''));
  const child = spawn(process.execPath, [script, dir, file], { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (data) => (text += String(data)));
  return { child, said: () => text };
}

async function end({ child }: Writer, how: 'close' | 'kill'): Promise<void> {
  const exited = once(child, 'exit');
  if (how === 'kill') child.kill('SIGKILL');
  else child.stdin?.end();
  await exited;
}

const manyChanges = (count: number): Change[] => Array.from({ length: count }, (_, i) => changeOf(i));

test('one writes, the other reads, and takes over when the first is gone', async () => {
  const dir = `${testdir()}/.mailboxd`;
  const changes = manyChanges(100);
  const first = startWriter(dir, changes);
  await waitUntil(() => first.said().includes('done'), { what: 'the first to have written' });
  expect(first.said()).toContain('mode write');
  const model = new Model();
  for (const change of changes) applyTo(model, change);

  const second = await open(dir);
  expect(second.mode).toBe('read');
  expect(sorted(second.list({ limit: 100 }).records)).toEqual(model.list());
  const files = readdirSync(dir);
  applyTo(second, changeOf(1_000));
  await second.close();
  expect(readdirSync(dir)).toEqual(files);

  await end(first, 'kill');
  await using third = await open(dir);
  expect(third.mode).toBe('write');
  expect(sorted(third.list({ limit: 100 }).records)).toEqual(model.list());
  await using fourth = await open(dir);
  expect(fourth.mode).toBe('read');
});

test('killed at any moment, it has made some first part of its changes', async () => {
  const changes = manyChanges(3_000);
  const seen = new Set<number>();
  for (let round = 0; round < 12; round++) {
    const dir = `${testdir()}/.mailboxd`;
    const writer = startWriter(dir, changes);
    const size = (): number => readdirSync(dir).filter((name) => name.startsWith('index.j')).length;
    await waitUntil(() => writer.said().includes('mode write'), { what: 'the lock' });
    // Each time a little later; the work takes some tens of milliseconds and writes several snapshots.
    const until = performance.now() + round * 8;
    await waitUntil(() => performance.now() >= until && size() >= 1, { what: 'the moment' });
    await end(writer, 'kill');
    await using catalog = await open(dir);
    expect(catalog.mode).toBe('write');
    const got = JSON.stringify(sorted(catalog.list({ limit: 100 }).records));
    const model = new Model();
    let made = got === '[]' ? 0 : -1;
    for (let i = 0; i < changes.length && made === -1; i++) {
      applyTo(model, changes[i] as Change);
      if (JSON.stringify(model.list()) === got) made = i + 1;
    }
    expect(made, `round ${round}`).toBeGreaterThanOrEqual(0);
    seen.add(made);
  }
  expect(seen.size).toBeGreaterThan(1);
});

test('of many that want the lock at once, never two have it, and one gets it in the end', async () => {
  const dir = testdir();
  let holders = 0;
  let most = 0;
  let times = 0;
  const candidate = async (): Promise<void> => {
    const lock = await acquireLock(dir, OWN_IDENTITY);
    if (!lock) return;
    times++;
    most = Math.max(most, ++holders);
    await new Promise((resolve) => setImmediate(resolve));
    holders--;
    lock.release();
  };
  for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 4 }, candidate));
  expect(most).toBe(1);
  expect(times).toBeGreaterThan(0);
});

test('a rival that came between the look and the lock is seen in time', async () => {
  const dir = testdir({ 'index.lock.7.7.dead': '' });
  let looks = 0;
  const lock = await acquireLock(dir, {
    process: '1.1',
    isAlive: (process) => {
      if (looks++ === 0) writeFileSync(`${dir}/index.lock.2.2.rival`, '');
      return process === '2.2';
    },
  });
  expect(lock).toBeUndefined();
  expect(readdirSync(dir)).toEqual(['index.lock.2.2.rival']);
});

test('what the dead left behind is no lock', async () => {
  const dir = testdir({
    // A process id with another start time, one that cannot be, and nonsense.
    [`index.lock.${process.pid}.1.abcd`]: '',
    'index.lock.99999999.5.abcd': '',
    'index.lock.x': '',
  });
  await using catalog = await open(dir);
  expect(catalog.mode).toBe('write');
  expect(readdirSync(dir).filter((name) => name.startsWith('index.lock.'))).toHaveLength(1);
});
