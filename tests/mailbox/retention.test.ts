/** Retention by month: which messages go, where to, and that none is lost, claimed or edited under way. */
import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Place, State } from '../../src/core/message.js';
import { endedAt, readFinishedHead } from '../../src/mailbox/archive/ended-at.js';
import { systemClock } from '../../src/mailbox/clock.js';
import { openMailboxes } from '../../src/mailbox/open.js';
import { retain, type RetainOptions } from '../../src/mailbox/retention.js';
import { listState } from '../../src/store/list.js';
import { makeBox, names, pathIn, read } from '../store/box.js';
import { makeRoot, type Json } from '../cli/harness.js';

const NOW = Date.parse('2026-11-20T12:00:00Z');
const DAY = 86_400_000;
const clock = { ...systemClock, now: () => NOW };

/** A finished message that ended `days` before NOW, at rest since. */
function put(root: string, state: State, name: string, text: string, rested = 3_600_000): void {
  const path = pathIn(root, state, name);
  writeFileSync(path, text);
  const time = new Date(NOW - rested);
  utimesSync(path, time, time);
}
const ended = (days: number, more = ''): string =>
  `---\n${more}result: { outcome: complete, at: "${new Date(NOW - days * DAY).toISOString()}" }\n---\ntext\n`;

async function keep(root: string, options: RetainOptions = {}): Promise<Place[]> {
  await using desk = await openMailboxes(root, { mode: 'write', clock });
  await desk.sync();
  const { moved } = await retain({ root: desk.root, clock, catalog: desk.catalog, who: 'me' }, options);
  const listed = desk.catalog.list({ limit: 10_000 }).records.map(({ state, name }) => `${state}/${name}`);
  const states = ['inbox', 'in_progress', 'complete', 'failed'] as const;
  const there = states.flatMap((state) => listState(root, 'server', state).map((name) => `${state}/${name}`));
  const files = there.filter((name) => lstatSync(pathIn(root, 'complete', `../${name}`)).isFile());
  expect(listed.toSorted(), 'the catalog is in line with the folders').toEqual(files.toSorted());
  return moved;
}

test.each([
  [{ result: { at: '2026-03-01T00:30:00+02:00' }, created: '2020-01-01' }, 'x.md', '2026-02-28T22:30:00.000Z'],
  [
    { runs: [{ ended: '2026-01-01T00:00:00Z' }, { ended: '2026-02-01T00:00:00Z' }] },
    'x.md',
    '2026-02-01T00:00:00.000Z',
  ],
  [{ result: { at: 'long ago' }, created: '2026-05-05T23:59:59' }, 'x.md', '2026-05-05T23:59:59.000Z'],
  [{ created: '2026-05-05' }, '2020-01-01-x.md', '2026-05-05T00:00:00.000Z'],
  [{ id: '0199f3c2-7d1e-7a44-9c1b-2f6f0a6f5e11', created: 7 }, 'x.md', '2025-10-17T20:00:33.566Z'],
  [{ id: '3d5f1a5e-0a1b-4c2d-8e3f-0123456789ab' }, '2026-11/2025-12-31-x.md', '2025-12-31T00:00:00.000Z'],
  [{}, '2026-13-45-x.md', undefined],
  [{ created: 'Nov 1, 2026', result: 'x', runs: 'y' }, 'note.md', undefined],
])('when %j ended is read from it alone', (front, name, expected) => {
  const ms = endedAt(front as never, name);
  expect(ms === undefined ? undefined : new Date(ms).toISOString()).toBe(expected);
});

test('a file that cannot be read as a message is dated by its name', () => {
  expect(readFinishedHead(Buffer.from('---\n[[[\n---\n'), '2026-01-02-x.md')).toEqual({
    id: undefined,
    ended: Date.parse('2026-01-02'),
    isClaimed: false,
  });
});

describe('what goes to its month', () => {
  test('what ended more than a week ago; what is recent, undated, claimed, just edited or a link stays', async () => {
    const root = makeBox();
    put(root, 'complete', 'old.md', ended(30));
    put(root, 'failed', 'older.md', ended(60));
    put(root, 'complete', 'recent.md', ended(6));
    put(root, 'complete', 'undated.md', 'text\n');
    put(root, 'complete', 'claimed.md', ended(30, 'claim: { worker: a@b, epoch: 1 }\n'));
    put(root, 'complete', 'edited.md', ended(30), 10_000);
    put(root, 'complete', 'held.md', ended(30, 'id: held-1\n'));
    symlinkSync(pathIn(root, 'complete', 'old.md'), pathIn(root, 'complete', '2026-01-01-link.md'));
    const moved = await keep(root, { isHeld: (id) => id === 'held-1' });
    expect(moved.map(({ state, name }) => `${state}/${name}`)).toEqual([
      'complete/2026-10/old.md',
      'failed/2026-09/older.md',
    ]);
    expect(read(root, 'complete', '2026-10/old.md')).toBe(ended(30));
    expect(names(root, 'complete')).toEqual(
      ['2026-01-01-link.md', '2026-10', 'claimed.md', 'edited.md', 'held.md', 'recent.md', 'undated.md'].toSorted(),
    );
    expect(await keep(root, { isHeld: () => true }), 'a second time there is nothing to do').toEqual([]);
  });

  test('the oldest of many, down to the lower bound, and then none for a while', async () => {
    const root = makeBox();
    for (let i = 0; i < 120; i += 1) put(root, 'complete', `m${String(i).padStart(3, '0')}.md`, ended(i / 100));
    const moved = await keep(root, { most: 119, least: 60 });
    expect(moved).toHaveLength(60);
    expect(
      listState(root, 'server', 'complete')
        .filter((name) => !name.includes('/'))
        .toSorted()
        .at(-1),
    ).toBe('m059.md');
    put(root, 'complete', 'one-more.md', ended(0));
    expect(await keep(root, { most: 119, least: 60 })).toEqual([]);
  });

  test('isOver ends it between slices', async () => {
    const root = makeBox();
    for (let i = 0; i < 120; i += 1) put(root, 'complete', `m${i}.md`, ended(30));
    let asked = 0;
    const moved = await keep(root, { isOver: () => (asked += 1) > 121 });
    expect(moved).toHaveLength(50);
    expect(names(root, 'complete')).toHaveLength(71);
  });
});

describe('a name that the month has already', () => {
  test('the same content is one file; another gets a name that two hosts choose alike', async () => {
    const results = [];
    for (const order of [1, 2]) {
      const root = makeBox();
      mkdirSync(pathIn(root, 'complete', '2026-10'));
      put(root, 'complete', '2026-10/same.md', ended(30));
      put(root, 'complete', 'same.md', ended(30));
      put(root, 'complete', '2026-10/other.md', 'somebody else’s\n');
      put(root, 'complete', 'other.md', ended(30 + order / 1e9));
      await keep(root);
      expect(read(root, 'complete', '2026-10/other.md')).toBe('somebody else’s\n');
      const there = names(root, 'complete').concat(names(root, 'complete/2026-10' as State));
      results.push(there);
      const suffixed = there.find((name) => /^other-[0-9a-f]{8}\.md$/.test(name)) ?? '';
      expect(read(root, 'complete', `2026-10/${suffixed}`)).toBe(ended(30 + order / 1e9));
      // The same message once more, brought back by git say: its suffixed copy is known for what it is.
      put(root, 'complete', 'other.md', ended(30 + order / 1e9));
      await keep(root);
      expect(names(root, 'complete').concat(names(root, 'complete/2026-10' as State))).toEqual(there);
    }
    expect(results[0]).toEqual(results[1]);
    expect(results[0]).toHaveLength(4);
  });

  test('a month that is a link is left alone, and the rest is done', async () => {
    const root = makeBox({ 'inbox/elsewhere.txt': '' });
    symlinkSync(join(root, 'mailboxes'), pathIn(root, 'complete', '2026-10'));
    put(root, 'complete', 'old.md', ended(30));
    put(root, 'failed', 'old.md', ended(30));
    await expect(keep(root)).rejects.toThrow(/symbolic link/);
    expect(names(root, 'complete')).toEqual(['2026-10', 'old.md']);
    expect(names(root, 'failed')).toEqual(['2026-10']);
    expect(readdirSync(join(root, 'mailboxes'))).toEqual(['server']);
  });
});

test('an old message in its month is shown, listed, tailed and retried, and mv brings it back', async () => {
  const { dir, mb } = await makeRoot();
  await mb('send', 'server', 'first task');
  await mb('send', 'server', 'second task');
  await mb('start', '--once');
  const later = { ...systemClock, now: () => Date.now() + 30 * DAY };
  const ids: string[] = [];
  {
    await using desk = await openMailboxes(dir, { mode: 'write', clock: later });
    const { moved } = await retain({ root: desk.root, clock: later, catalog: desk.catalog, who: 'me' });
    expect(moved).toHaveLength(2);
    await desk.sync();
    for (const { id, name } of desk.catalog.list({ state: 'complete' }).records) {
      expect(name).toMatch(/^\d{4}-\d\d\//);
      ids.push(id);
    }
  }
  const [one = '', two = ''] = ids;
  expect((await mb('show', one, '--json')).json().message).toMatchObject({ id: one, state: 'complete' });
  expect((await mb('list', '--state', 'complete', '--json')).json().total).toBe(2);
  expect(await mb('tail', one)).toMatchObject({ code: 0 });
  expect(await mb('retry', one)).toMatchObject({ code: 0 });
  const place = (await mb('show', two, '--json')).json().message.path as string;
  renameSync(place, join(dir, 'mailboxes/server/inbox', place.split('/').at(-1) ?? ''));
  expect(await mb('start', '--once')).toMatchObject({ code: 0 });
  const finished = (await mb('list', '--state', 'complete', '--json')).json().messages;
  const seen = finished.map(({ id, runs, name }: Json) => `${id} ${runs} ${name.includes('/')}`) as string[];
  expect(seen.toSorted()).toEqual([`${one} 2 false`, `${two} 2 false`].toSorted());
});

test('a writer that has the file open writes into the one that was moved', async () => {
  const root = makeBox();
  put(root, 'complete', 'old.md', ended(30));
  const file = openSync(pathIn(root, 'complete', 'old.md'), 'a');
  await keep(root);
  writeSync(file, 'a late note\n');
  closeSync(file);
  expect(readFileSync(pathIn(root, 'complete', '2026-10/old.md'), 'utf8')).toContain('a late note');
});
