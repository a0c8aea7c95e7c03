/** What a crash, a full disk or a person may do to the two files. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { openCatalog, type Catalog, type CatalogRecord } from '../../src/catalog/index.js';
import type { MailboxError } from '../../src/core/errors.js';
import { testdir } from '../support/testdir.js';
import { applyTo, changeOf, Model, recordOf, sorted } from './changes.js';

const toRecord = (): never => {
  throw new Error('no folders here');
};
let problems: string[] = [];
const open = (dir: string, mode: 'write' | 'read' = 'write'): Promise<Catalog> =>
  openCatalog(dir, { mode, toRecord, onProblem: (error: MailboxError) => problems.push(error.message) });
const contents = (catalog: Catalog): CatalogRecord[] => sorted(catalog.list({ limit: 10_000 }).records);

afterEach(() => {
  problems = [];
});

/** A copy of the two files as a crash at this moment would leave them. */
function crashImage(dir: string): string {
  const image = `${testdir()}/.mailboxd`;
  mkdirSync(image);
  for (const name of ['index.json', 'index.journal'])
    if (existsSync(`${dir}/${name}`)) copyFileSync(`${dir}/${name}`, `${image}/${name}`);
  return image;
}

test('the journal may end at any byte: what stands before the cut is there', async () => {
  const dir = `${testdir()}/.mailboxd`;
  const first = await open(dir);
  first.put(recordOf({ mailbox: 'server', state: 'inbox', name: 'old.md' }));
  await first.close();
  const base = crashImage(dir);
  await using catalog = await open(dir);
  const model = new Model();
  model.put(recordOf({ mailbox: 'server', state: 'inbox', name: 'old.md' }));
  const states = [model.list()];
  for (const change of [
    changeOf(1),
    changeOf(2),
    { remove: { mailbox: 'server', state: 'inbox', name: 'old.md' } } as const,
    changeOf(4),
  ]) {
    applyTo(catalog, change);
    applyTo(model, change);
    states.push(model.list());
  }
  await catalog.flush();
  const journal = readFileSync(`${dir}/index.journal`);
  const lineEnds = [...journal.keys()].filter((i) => journal[i] === 10);
  expect(lineEnds).toHaveLength(5);
  for (let cut = 0; cut <= journal.length; cut++) {
    writeFileSync(`${base}/index.journal`, journal.subarray(0, cut));
    const whole = lineEnds.filter((end) => end < cut).length;
    await using reader = await open(base, 'read');
    expect(contents(reader), `cut at ${cut}`).toEqual(states[Math.max(0, whole - 1)]);
  }
  // A writer cuts the torn line off and goes on behind what was whole.
  truncateSync(`${dir}/index.journal`, journal.length);
  writeFileSync(`${base}/index.journal`, journal.subarray(0, journal.length - 5));
  const writer = await open(base);
  writer.put(recordOf({ mailbox: 'server', state: 'inbox', name: 'next.md' }));
  await writer.flush();
  await using reader = await open(crashImage(base), 'read');
  expect(contents(reader).map(({ name }) => name)).toEqual(contents(writer).map(({ name }) => name));
  expect(contents(reader)).toHaveLength((states[3]?.length ?? 0) + 1);
  await writer.close();
});

test('any byte of the journal may be wrong: never a record that was not put in', async () => {
  const dir = `${testdir()}/.mailboxd`;
  await using catalog = await open(dir);
  const model = new Model();
  const states = [JSON.stringify(model.list())];
  for (let i = 0; i < 4; i++) {
    const change = { put: recordOf({ mailbox: 'server', state: 'inbox', name: `${i}.md` }, { subject: `${i}` }) };
    applyTo(catalog, change);
    applyTo(model, change);
    states.push(JSON.stringify(model.list()));
  }
  await catalog.flush();
  rmSync(`${dir}/index.json`, { force: true });
  const image = crashImage(dir);
  const journal = readFileSync(`${image}/index.journal`);
  for (let at = 0; at < journal.length; at++) {
    const damaged = Buffer.from(journal);
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    writeFileSync(`${image}/index.journal`, damaged);
    await using reader = await open(image, 'read');
    expect(states, `byte ${at}`).toContain(JSON.stringify(contents(reader)));
  }
});

test('lines behind a damaged one do not come back when the next line fills its place', async () => {
  const dir = `${testdir()}/.mailboxd`;
  const named = (name: string): CatalogRecord => recordOf({ mailbox: 'server', state: 'inbox', name });
  await using catalog = await open(dir);
  for (const name of ['1.md', '2.md', '3.md']) catalog.put(named(name));
  await catalog.flush();
  rmSync(`${dir}/index.json`, { force: true });
  const image = crashImage(dir);
  writeFileSync(
    `${image}/index.journal`,
    readFileSync(`${image}/index.journal`, 'utf8').replace('"name":"2.md"', '"name":"x.md"'),
  );
  const writer = await open(image);
  expect(contents(writer)).toEqual([named('1.md')]);
  writer.put(named('4.md'));
  await writer.flush();
  rmSync(`${image}/index.json`, { force: true });
  await using reader = await open(crashImage(image), 'read');
  expect(contents(reader)).toEqual([named('1.md'), named('4.md')]);
  await writer.close();
});

describe('a snapshot', () => {
  async function snapshotted(): Promise<{ dir: string; records: CatalogRecord[] }> {
    const dir = `${testdir()}/.mailboxd`;
    const catalog = await open(dir);
    for (let i = 0; i < 5; i++) catalog.put(recordOf({ mailbox: 'server', state: 'inbox', name: `${i}.md` }));
    const records = contents(catalog);
    await catalog.close();
    return { dir, records };
  }

  test('is JSON with one record a line', async () => {
    const { dir, records } = await snapshotted();
    const text = readFileSync(`${dir}/index.json`, 'utf8');
    expect(JSON.parse(text)).toMatchObject({ version: 1, end: { records: 5 } });
    expect(sorted(JSON.parse(text).records)).toEqual(records);
    expect(text.split('\n')).toHaveLength(8);
  });

  test('without a record is one too', async () => {
    const dir = `${testdir()}/.mailboxd`;
    await (await open(dir)).close();
    expect(JSON.parse(readFileSync(`${dir}/index.json`, 'utf8'))).toMatchObject({ records: [] });
    await using again = await open(dir);
    expect([again.found, again.size]).toEqual(['whole', 0]);
  });

  test('cut at any byte, or with any byte wrong, is not believed', async () => {
    const { dir, records } = await snapshotted();
    const whole = readFileSync(`${dir}/index.json`);
    for (let at = 0; at < whole.length; at++) {
      const flipped = Buffer.from(whole);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      for (const bytes of [whole.subarray(0, at), flipped]) {
        writeFileSync(`${dir}/index.json`, bytes);
        await using reader = await open(dir, 'read');
        expect([reader.found === 'whole', reader.size], `byte ${at}`).toEqual([false, 0]);
      }
    }
    writeFileSync(`${dir}/index.json`, whole);
    await using reader = await open(dir, 'read');
    expect(contents(reader)).toEqual(records);
  });

  test.each([
    ['of another version', '{"version":2,"generation":"x","records":[\n],"end":{}}\n', 'version'],
    ['that is something else', '[1,2,3]\n', 'damaged'],
    ['that is binary', '\0\xff\n\n'.repeat(1000), 'damaged'],
    ['that is empty', '', 'damaged'],
    ['without a line end', 'x'.repeat(600_000), 'damaged'],
  ])('%s opens empty, and the next one is whole', async (_, text, found) => {
    const { dir } = await snapshotted();
    writeFileSync(`${dir}/index.json`, text);
    const catalog = await open(dir);
    expect([catalog.found, catalog.size]).toEqual([found, 0]);
    catalog.put(recordOf({ mailbox: 'server', state: 'inbox', name: 'x.md' }));
    await catalog.close();
    await using again = await open(dir);
    expect([again.found, again.size]).toEqual(['whole', 1]);
  });

  test('that is a folder, or a journal that is one, is not fatal', async () => {
    for (const name of ['index.json', 'index.journal']) {
      const dir = `${testdir()}/.mailboxd`;
      mkdirSync(`${dir}/${name}`, { recursive: true });
      await using reader = await open(dir, 'read');
      expect(reader.size).toBe(0);
    }
  });

  test('half written beside the old one is ignored', async () => {
    const { dir, records } = await snapshotted();
    writeFileSync(`${dir}/index.json.new`, '{"version":1,"gen');
    writeFileSync(`${dir}/index.journal.new`, 'h 1234');
    await using catalog = await open(dir);
    expect(contents(catalog)).toEqual(records);
  });
});

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

test('between the two renames the new snapshot goes on with the old journal, and with no other', async () => {
  const dir = `${testdir()}/.mailboxd`;
  await using catalog = await open(dir);
  for (let i = 0; i < 30; i++) applyTo(catalog, changeOf(i));
  await catalog.settled();
  const before = crashImage(dir);
  // Large enough that a new snapshot is due, with a change that comes while it is written.
  for (let i = 0; i < 30; i++)
    catalog.put(recordOf({ mailbox: 'big', state: 'inbox', name: `${i}.md` }, { subject: 'x'.repeat(20_000) }));
  await catalog.flush();
  catalog.put(recordOf({ mailbox: 'late', state: 'inbox', name: 'late.md' }));
  catalog.remove({ mailbox: 'big', state: 'inbox', name: '0.md' });
  // Nothing is awaited here but the journal: the snapshot is under way.
  const want = contents(catalog);
  const old = readFileSync(`${before}/index.journal`);
  await catalog.settled();
  const after = crashImage(dir);
  expect(readFileSync(`${after}/index.journal`).subarray(0, 60)).not.toEqual(old.subarray(0, 60));
  const header = JSON.parse(`${readFileSync(`${after}/index.json`, 'utf8').split('\n')[0]}]}`);
  expect(JSON.parse(readFileSync(`${before}/index.journal`, 'utf8').split('\n')[0]?.slice(11) ?? '').journal).toBe(
    header.continues.journal,
  );
  // The state at the crash: the new snapshot, and the old journal with everything up to the rename.
  const records = JSON.parse(readFileSync(`${after}/index.json`, 'utf8')).records.length;
  const tail = readFileSync(`${after}/index.journal`);
  const rest = tail.subarray(tail.indexOf(10) + 1);
  const crashed = crashImage(after);
  const padding = Buffer.concat([old, Buffer.alloc(Math.max(0, header.continues.offset - old.length), 'x'), rest]);
  writeFileSync(`${crashed}/index.journal`, padding);
  expect(records).toBeGreaterThan(0);
  await using reopened = await open(crashed);
  expect(contents(reopened)).toEqual(want);
  // A journal of another history is not replayed.
  const stranger = crashImage(after);
  renameSync(`${before}/index.json`, `${stranger}/index.json`);
  await using other = await open(stranger, 'read');
  expect(contents(other).some(({ mailbox }) => mailbox === 'late')).toBe(false);
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
