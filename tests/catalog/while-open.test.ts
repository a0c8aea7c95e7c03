/** What may happen to the index while a process has it open. */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { testdir } from '../support/testdir.js';
import { applyTo, changeOf, Model, recordOf } from './changes.js';
import { contents, crashImage, open, problems } from './index-files.js';

test('what changes while a snapshot is written is in neither place twice, and nowhere old', async () => {
  const dir = `${testdir()}/.mailboxd`;
  const catalog = await open(dir);
  const model = new Model();
  const put = (i: number, round: number): void => {
    const place = { mailbox: 'server', state: 'inbox', name: `${i}.md` } as const;
    const change =
      round % 3 === 2 ? { remove: place } : { put: recordOf(place, { subject: `${round} `.repeat(20_000) }) };
    applyTo(catalog, change);
    applyTo(model, change);
  };
  for (let i = 0; i < 60; i++) put(i, 0);
  await catalog.flush();
  let during = 0;
  for (let round = 1; round < 300 && during < 6; round++) {
    for (let i = round % 7; i < 60; i += 7) put(i, round);
    if (existsSync(`${dir}/index.json.new`)) during++;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(during).toBeGreaterThan(2);
  await catalog.settled();
  expect(contents(catalog)).toEqual(model.list());
  await using reader = await open(crashImage(dir), 'read');
  expect(contents(reader)).toEqual(model.list());
  await catalog.close();
  expect(problems).toEqual([]);
});

describe('while it is open', () => {
  test('the folder may be deleted: the next change brings everything back', async () => {
    const dir = `${testdir()}/.mailboxd`;
    const catalog = await open(dir);
    for (let i = 0; i < 20; i++) applyTo(catalog, changeOf(i));
    await catalog.settled();
    rmSync(dir, { recursive: true });
    catalog.put(recordOf({ mailbox: 'server', state: 'inbox', name: 'after.md' }));
    await catalog.settled();
    await using reader = await open(crashImage(dir), 'read');
    expect(contents(reader)).toEqual(contents(catalog));
    await catalog.close();
    expect(problems).toEqual([]);
    expect(readdirSync(dir).toSorted()).toEqual(['index.journal', 'index.json']);
  });

  test('another process that took the deleted folder keeps it, and this one goes on in memory', async () => {
    const dir = `${testdir()}/.mailboxd`;
    const catalog = await open(dir);
    applyTo(catalog, changeOf(1));
    await catalog.settled();
    rmSync(dir, { recursive: true });
    const other = await open(dir);
    expect(other.mode).toBe('write');
    catalog.put(recordOf({ mailbox: 'server', state: 'inbox', name: 'mine.md' }));
    await catalog.settled();
    expect(catalog.mode).toBe('read');
    expect(problems.join()).toContain('another process writes it now');
    catalog.put(recordOf({ mailbox: 'server', state: 'inbox', name: 'mine-too.md' }));
    expect(catalog.list().total).toBe(3);
    await catalog.close();
    await other.close();
    await using reader = await open(dir, 'read');
    expect(reader.size).toBe(0);
  });

  test('the lock alone may be deleted', async () => {
    const dir = `${testdir()}/.mailboxd`;
    const catalog = await open(dir);
    for (const name of readdirSync(dir)) if (name.startsWith('index.lock')) rmSync(`${dir}/${name}`);
    for (let i = 0; i < 20; i++) applyTo(catalog, changeOf(i));
    await catalog.settled();
    expect(readdirSync(dir)).toContain('index.json');
    expect((await open(dir, 'write').then(async (other) => (await other.close(), other))).mode).toBe('read');
    await catalog.close();
    expect(problems).toEqual([]);
  });

  test('a line that somebody changed on the disk is left out and reported, not believed', async () => {
    const dir = `${testdir()}/.mailboxd`;
    const first = await open(dir);
    for (let i = 0; i < 3; i++)
      first.put(recordOf({ mailbox: 'server', state: 'inbox', name: `${i}.md` }, { subject: `subject ${i}` }));
    await first.close();
    await using catalog = await open(dir, 'read');
    const path = `${dir}/index.json`;
    writeFileSync(path, readFileSync(path, 'utf8').replace('subject 1', 'SUBJECT 1'));
    expect(catalog.list().records.map(({ name }) => name)).toEqual(['0.md', '2.md']);
    expect(problems).toEqual(['found a damaged line in the index']);
  });

  test('a disk that takes no more loses nothing of what is in memory', async () => {
    const dir = `${testdir()}/.mailboxd`;
    const catalog = await open(dir);
    catalog.put(recordOf({ mailbox: 'server', state: 'inbox', name: 'a.md' }));
    await catalog.settled();
    // The new snapshot cannot be written where a folder stands.
    mkdirSync(`${dir}/index.json.new/x`, { recursive: true });
    for (let i = 0; i < 30; i++)
      catalog.put(recordOf({ mailbox: 'big', state: 'inbox', name: `${i}.md` }, { subject: 'x'.repeat(20_000) }));
    await catalog.settled();
    expect(problems.join()).toContain('writing the index');
    expect(catalog.list({ limit: 100 }).records).toHaveLength(31);
    await catalog.close();
    await using again = await open(dir, 'read');
    expect(again.size).toBe(31);
  });
});
