/** The folders are the truth: what the catalog says after a sync is what is in them. */
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { dirname } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openCatalog, type Catalog, type CatalogRecord } from '../../src/catalog/index.js';
import { STATES, type Place } from '../../src/core/message.js';
import { testdir } from '../support/testdir.js';
import { recordOf, sorted } from './changes.js';

/** The whole file as the subject; `boom` cannot be read. */
function toRecord(place: Place, bytes: Buffer, stat: Stats): CatalogRecord {
  const subject = bytes.toString();
  if (subject === 'boom') throw new Error('boom');
  return recordOf(place, { subject, size: stat.size, mtime: stat.mtimeMs });
}

const problems: string[] = [];
const open = (root: string, mode: 'write' | 'read' = 'write'): Promise<Catalog> =>
  openCatalog(`${root}/.mailboxd`, { mode, toRecord, onProblem: (error) => problems.push(error.message) });
const subjects = (catalog: Catalog): string[] =>
  catalog
    .list({ limit: 1000 })
    .records.map(({ subject }) => subject)
    .toSorted();

test('files that came, changed, moved and went', async () => {
  const root = testdir({
    'mailboxes/server/inbox/a.md': 'a',
    'mailboxes/server/complete/b.md': 'b',
    'mailboxes/server/complete/2026-10/c.md': 'c',
    'mailboxes/server/inbox/2026-10/not-here.md': 'only finished messages have months',
    'mailboxes/server/inbox/.hidden.md': 'hidden',
    'mailboxes/server/inbox/notes.txt': 'no message',
    'mailboxes/laptop/failed/d.md/x': 'a folder',
  });
  symlinkSync('/etc/passwd', `${root}/mailboxes/server/inbox/link.md`);
  await using catalog = await open(root);
  expect(catalog.found).toBe('missing');
  expect(await catalog.sync()).toEqual({ read: 3, gone: 0 });
  expect(subjects(catalog)).toEqual(['a', 'b', 'c']);
  expect(await catalog.sync()).toEqual({ read: 0, gone: 0 });
  expect(catalog.get({ mailbox: 'server', state: 'complete', name: '2026-10/c.md' })?.subject).toBe('c');

  renameSync(`${root}/mailboxes/server/inbox/a.md`, `${root}/mailboxes/server/failed-not-there.md`);
  appendFileSync(`${root}/mailboxes/server/complete/b.md`, ' longer');
  writeFileSync(`${root}/mailboxes/server/complete/2026-10/c.md`, 'C');
  utimesSync(`${root}/mailboxes/server/complete/2026-10/c.md`, 1, 1);
  expect(await catalog.sync()).toEqual({ read: 2, gone: 1 });
  expect(subjects(catalog)).toEqual(['C', 'b longer']);

  rmSync(`${root}/mailboxes`, { recursive: true });
  expect(await catalog.sync()).toEqual({ read: 0, gone: 2 });
  expect(catalog.size).toBe(0);
});

test('a quick sync sees what came and went, and not an edit of a finished message', async () => {
  const root = testdir({
    'mailboxes/a/inbox/1.md': '1',
    'mailboxes/a/complete/2.md': '2',
    'mailboxes/a/failed/3.md': '3',
  });
  await using catalog = await open(root);
  await catalog.sync({ quick: true });
  writeFileSync(`${root}/mailboxes/a/inbox/1.md`, '1 edited');
  writeFileSync(`${root}/mailboxes/a/complete/2.md`, '2 edited');
  writeFileSync(`${root}/mailboxes/a/complete/4.md`, '4');
  rmSync(`${root}/mailboxes/a/failed/3.md`);
  expect(await catalog.sync({ quick: true })).toEqual({ read: 2, gone: 1 });
  expect(subjects(catalog)).toEqual(['1 edited', '2', '4']);
  expect(await catalog.sync()).toEqual({ read: 1, gone: 0 });
  expect(subjects(catalog)).toEqual(['1 edited', '2 edited', '4']);
});

test('a reader learns what changed and writes nothing', async () => {
  const root = testdir({ 'mailboxes/server/inbox/a.md': 'a' });
  await using reader = await open(root, 'read');
  await reader.sync();
  expect(subjects(reader)).toEqual(['a']);
  writeFileSync(`${root}/mailboxes/server/inbox/b.md`, 'b');
  expect(reader.refresh({ mailbox: 'server', state: 'inbox', name: 'b.md' })?.subject).toBe('b');
  expect(reader.refresh({ mailbox: 'server', state: 'inbox', name: 'no.md' })).toBeUndefined();
  expect(subjects(reader)).toEqual(['a', 'b']);
  await reader.flush();
  const again = await open(root, 'read');
  expect([again.found, again.size]).toEqual(['missing', 0]);
  await again.close();
});

test('a file that cannot be made a record of is reported, and the rest is read', async () => {
  const root = testdir({ 'mailboxes/server/inbox/a.md': 'boom', 'mailboxes/server/inbox/b.md': 'b' });
  await using catalog = await open(root);
  expect(await catalog.sync()).toEqual({ read: 1, gone: 0 });
  expect(problems.join()).toContain('reading server/inbox/a.md: boom');
});

test('a listing of some folders says what to read there, and drops nothing elsewhere', async () => {
  const root = testdir({ 'mailboxes/server/inbox/a.md': 'a', 'mailboxes/server/complete/b.md': 'b' });
  await using catalog = await open(root);
  await catalog.sync();
  const known = catalog.list().records.find(({ name }) => name === 'b.md') as CatalogRecord;
  const entries = [{ name: 'new.md', mtime: 1, size: 1 }];
  expect(await catalog.reconcile([{ mailbox: 'server', state: 'inbox', entries }], { partial: true })).toEqual([
    { mailbox: 'server', state: 'inbox', name: 'new.md' },
  ]);
  expect(subjects(catalog)).toEqual(['b']);
  const changed = (more: object): Promise<Place[]> =>
    catalog.reconcile([{ mailbox: 'server', state: 'complete', entries: [{ name: 'b.md', ...more }] }], {
      partial: true,
    });
  expect(await changed({})).toEqual([]);
  expect(await changed({ mtime: known.mtime, size: known.size })).toEqual([]);
  expect(await changed({ mtime: known.mtime + 0.25, size: known.size })).toHaveLength(1);
  expect(await changed({ mtime: known.mtime, size: known.size + 1 })).toHaveLength(1);
  expect(await catalog.reconcile([])).toEqual([]);
  expect(catalog.size).toBe(0);
});

test('what arrives while the folders are compared is not taken for gone', async () => {
  const root = testdir();
  await using catalog = await open(root);
  const late = recordOf({ mailbox: 'server', state: 'inbox', name: 'late.md' });
  catalog.put(recordOf({ mailbox: 'server', state: 'inbox', name: 'gone.md' }));
  function* entries(): Generator<{ name: string }> {
    yield { name: 'first.md' };
    // The folder was listed already when this one is delivered, into a slot that was another's.
    catalog.remove({ mailbox: 'server', state: 'inbox', name: 'gone.md' });
    catalog.put(late);
  }
  await catalog.reconcile([{ mailbox: 'server', state: 'inbox', entries: entries() }]);
  expect(catalog.list().records).toEqual([late]);
});

test('built anew or kept up to date, it is the same', async () => {
  const path = fc.tuple(
    fc.constantFrom('a', 'b'),
    fc.constantFrom(...STATES),
    fc.constantFrom('1.md', '2.md', '2026-01/1.md'),
  );
  const step = fc.oneof(
    fc.record({ write: path, text: fc.string({ maxLength: 5 }).filter((text) => text !== 'boom') }),
    fc.record({ move: path, to: path }),
    fc.record({ drop: path }),
    fc.constantFrom('sync' as const, 'restart' as const),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const root = testdir();
      const file = (parts: readonly string[]): string => {
        const where = `${root}/mailboxes/${parts.join('/')}`;
        mkdirSync(dirname(where), { recursive: true });
        return where;
      };
      let catalog = await open(root);
      let clock = 1_000;
      try {
        for (const each of steps) {
          if (each === 'sync') await catalog.sync();
          else if (each === 'restart') {
            await catalog.close();
            catalog = await open(root);
          } else if ('write' in each) {
            writeFileSync(file(each.write), each.text);
            // As a real clock would, which here is too coarse for a file of the same size.
            utimesSync(file(each.write), clock, clock++);
          } else if ('drop' in each) rmSync(file(each.drop), { force: true });
          else {
            try {
              renameSync(file(each.move), file(each.to));
            } catch {
              // There was none to move.
            }
          }
        }
        await catalog.sync();
        const kept = sorted(catalog.list({ limit: 1000 }).records);
        const kept_stats = catalog.stats();
        await catalog.close();
        rmSync(`${root}/.mailboxd`, { recursive: true });
        catalog = await open(root);
        await catalog.sync();
        expect(sorted(catalog.list({ limit: 1000 }).records)).toEqual(kept);
        expect(catalog.stats()).toEqual({ ...kept_stats, by_mailbox: expect.anything() as object });
      } finally {
        await catalog.close();
      }
    }),
    { numRuns: 60 },
  );
});
