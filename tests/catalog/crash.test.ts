/** What a crash, a full disk or a person may do to the two files. */
import { mkdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { CatalogRecord } from '../../src/catalog/index.js';
import { testdir } from '../support/testdir.js';
import { applyTo, changeOf, Model, recordOf, sorted } from './changes.js';
import { contents, crashImage, open } from './index-files.js';

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
