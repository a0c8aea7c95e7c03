import { describe, expect, test } from 'vitest';
import { openCatalog, type Catalog, type CatalogRecord } from '../../src/catalog/index.js';
import { testdir } from '../support/testdir.js';
import { recordOf, sorted } from './changes.js';

async function withCatalog(work: (catalog: Catalog) => void | Promise<void>): Promise<void> {
  await using catalog = await openCatalog(`${testdir()}/.mailboxd`, {
    mode: 'write',
    toRecord: (place) => recordOf(place),
  });
  await work(catalog);
}

function numbered(count: number, more: (i: number) => Partial<CatalogRecord>): CatalogRecord[] {
  return Array.from({ length: count }, (_, i) =>
    recordOf({ mailbox: 'server', state: 'inbox', name: `m${i}.md` }, { id: `m-${i}`, ...more(i) }),
  );
}

describe('look-ups', () => {
  test('a record comes back as it was put in', async () => {
    await withCatalog((catalog) => {
      const record = recordOf(
        { mailbox: 'server', state: 'failed', name: '2026-11/ünï.md' },
        {
          subject: '\ud800 "quoted"\n\u2028',
          thread: 't',
          cost_usd: 0.1,
          reason: 'timeout',
          outcome: 'failed',
          waiting_ms: 0,
        },
      );
      catalog.put(record);
      expect(catalog.get(record)).toEqual(record);
      expect(catalog.get({ ...record, state: 'inbox' })).toBeUndefined();
    });
  });

  test('an id is found whole, cut short, and not at all', async () => {
    await withCatalog((catalog) => {
      const ids = [
        '0199f3c2-7d1e-7a44-9c1b-2f6f0a6f5e11',
        '0199f3c2-7d1e-7a44-9c1b-2f6f0a6f5e12',
        '0199f3c3-7d1e-7a44-9c1b-2f6f0a6f5e11',
        '0199f3c2',
        'abc',
        'abcdefghijklmnopqrstuvwxyz',
        'abcdefghijklmnopqrstuvwxyZ',
      ];
      for (const record of numbered(ids.length, (i) => ({ id: ids[i] }))) catalog.put(record);
      const found = (prefix: string): string[] => catalog.findById(prefix).map(({ id }) => id);
      for (const id of ids) {
        expect(catalog.hasId(id)).toBe(true);
        for (let length = 1; length <= id.length; length++) {
          const prefix = id.slice(0, length);
          expect(new Set(found(prefix)), prefix).toEqual(new Set(ids.filter((each) => each.startsWith(prefix))));
          expect(catalog.hasId(prefix)).toBe(ids.includes(prefix));
        }
      }
      expect(found('0199f3c2')[0]).toBe('0199f3c2');
      expect(found('0199F3C2')).toEqual([]);
      expect(found('')).toEqual([]);
      expect(found('0199f3c27d1e')).toEqual([]);
    });
  });

  test('two files with one id are both found, and either may go first', async () => {
    await withCatalog((catalog) => {
      const twins = numbered(5, () => ({ id: 'same' }));
      for (const twin of twins) catalog.put(twin);
      for (const gone of [2, 0, 4, 3, 1]) {
        expect(catalog.hasId('same')).toBe(true);
        expect(sorted(catalog.findById('same'))).toContainEqual(twins[gone]);
        catalog.remove(twins[gone] as CatalogRecord);
      }
      expect(catalog.hasId('same')).toBe(false);
      expect(catalog.findById('same')).toEqual([]);
    });
  });

  test('a file without an id is listed, and found by no id', async () => {
    await withCatalog((catalog) => {
      catalog.put(recordOf({ mailbox: 'server', state: 'inbox', name: 'bare.md' }, { id: '' }));
      expect(catalog.hasId('')).toBe(false);
      expect(catalog.list().total).toBe(1);
    });
  });

  test('a fingerprint finds finished messages alone, the latest first', async () => {
    await withCatalog((catalog) => {
      const states = ['inbox', 'complete', 'complete', 'failed'] as const;
      for (const record of numbered(4, (i) => ({ state: states[i], fingerprint: 'f', updated: i })))
        catalog.put(record);
      expect(catalog.findByFingerprint('f').map(({ id }) => id)).toEqual(['m-2', 'm-1']);
      expect(catalog.findByFingerprint('g')).toEqual([]);
    });
  });
});

describe('lists', () => {
  test('newest first, ties by id, in pages that join up', async () => {
    await withCatalog((catalog) => {
      const all = numbered(250, (i) => ({
        id: `m-${(i * 7919) % 1000}`,
        created: new Date(1_763_634_600_000 + ((i * 31) % 20) * 1000).toISOString(),
      }));
      for (const record of all) catalog.put(record);
      const pages = [0, 60, 120, 180, 240].map((offset) => catalog.list({ limit: 60, offset }));
      expect(pages.flatMap(({ records }) => records)).toEqual(sorted(all));
      expect(pages.map(({ total }) => total)).toEqual([250, 250, 250, 250, 250]);
      expect(catalog.list().records).toHaveLength(50);
      expect(catalog.list({ limit: 0 })).toEqual({ records: [], total: 250 });
      expect(catalog.list({ offset: 1000 }).records).toEqual([]);
    });
  });

  test.each([
    [{ mailbox: 'laptop' }, (each: CatalogRecord) => each.mailbox === 'laptop'],
    [{ state: 'failed' }, (each: CatalogRecord) => each.state === 'failed'],
    [{ from: 'b' }, (each: CatalogRecord) => each.from === 'b'],
    [{ type: 'chat' }, (each: CatalogRecord) => each.type === 'chat'],
    [{ type: 'task' }, (each: CatalogRecord) => each.type === 'task'],
    [{ thread: 't1' }, (each: CatalogRecord) => each.thread === 't1'],
    [
      { mailbox: 'server', state: 'inbox', type: 'task' },
      (each: CatalogRecord) => each.mailbox === 'server' && each.state === 'inbox' && each.type === 'task',
    ],
    [{ mailbox: 'nobody' }, () => false],
    [{ from: 'nobody' }, () => false],
  ] as const)('filtered by %o', async (filter, matches) => {
    await withCatalog((catalog) => {
      const all = numbered(60, (i) => ({
        mailbox: i % 2 ? 'laptop' : 'server',
        state: i % 3 ? 'inbox' : 'failed',
        from: i % 5 ? 'a' : 'b',
        type: i % 4 ? 'task' : 'chat',
        ...(i % 6 ? { thread: `t${i % 6}` } : {}),
      }));
      for (const record of all) catalog.put(record);
      const want = sorted(all.filter(matches));
      expect(catalog.list({ ...filter, limit: 100 })).toEqual({ records: want, total: want.length });
    });
  });
});

describe('counts', () => {
  test('by state, mailbox, sender, day and reason, with times and sums', async () => {
    await withCatalog((catalog) => {
      const day = Date.parse('2026-11-20T00:00:00Z');
      const all = numbered(100, (i) => ({
        mailbox: i < 40 ? 'laptop' : 'server',
        state: i < 10 ? 'failed' : 'complete',
        outcome: i < 10 ? 'failed' : 'complete',
        ...(i < 10 ? { reason: i < 4 ? 'timeout' : '__proto__' } : {}),
        from: i % 2 ? '__proto__' : 'a',
        runs: 1,
        attempts: 2,
        turns: 3,
        tokens_in: 10,
        tokens_out: 5,
        cost_usd: 0.1,
        waiting_ms: i + 1,
        updated: day + (i % 2) * 86_400_000,
      }));
      for (const record of all) catalog.put(record);
      catalog.put(recordOf({ mailbox: 'server', state: 'inbox', name: 'c.md' }, { type: 'chat', updated: day }));
      const stats = catalog.stats();
      expect(stats).toMatchObject({
        total: 101,
        by_state: { inbox: 1, in_progress: 0, complete: 90, failed: 10 },
        by_mailbox: { laptop: { failed: 10, complete: 30 }, server: { inbox: 1, complete: 60 } },
        by_type: { task: 100, chat: 1 },
        outcomes: { complete: 90, failed: 10 },
        waiting_ms: { count: 100, sum: 5050, p50: 50, p95: 95, max: 100 },
        running_ms: { count: 0, sum: 0, p50: 0, p95: 0, max: 0 },
        attempts: 200,
        runs: 100,
        turns: 300,
        tokens_in: 1000,
        tokens_out: 500,
        cost_usd: 10,
        by_day: { '2026-11-20': { cost_usd: 5, tasks: 50 }, '2026-11-21': { cost_usd: 5, tasks: 50 } },
      });
      expect(Object.entries(stats.failures)).toEqual([
        ['timeout', 4],
        ['__proto__', 6],
      ]);
      expect(Object.getOwnPropertyDescriptor(stats.by_sender, '__proto__')?.value).toMatchObject({
        tasks: 50,
        cost_usd: 5,
      });
      expect(catalog.count('laptop', 'failed')).toBe(10);
      expect(catalog.count('nobody', 'failed')).toBe(0);
    });
  });

  test('spending since a time follows every change', async () => {
    await withCatalog((catalog) => {
      const task = (i: number, more: Partial<CatalogRecord> = {}): CatalogRecord =>
        recordOf(
          { mailbox: 'server', state: 'complete', name: `m${i}.md` },
          { from: 'a', runs: 1, cost_usd: 0.1, updated: 100 + i, ...more },
        );
      catalog.put(task(0));
      expect(catalog.spentSince(101, 'a')).toEqual({ cost_usd: 0, tasks: 0 });
      catalog.put(task(1));
      catalog.put(task(2, { from: 'b' }));
      catalog.put(task(3, { runs: 0, state: 'in_progress', cost_usd: undefined }));
      expect(catalog.spentSince(101, 'a')).toEqual({ cost_usd: 0.1, tasks: 2 });
      expect(catalog.spentSince(101)).toEqual({ cost_usd: 0.2, tasks: 3 });
      expect(catalog.spentSince(0)).toEqual({ cost_usd: 0.3, tasks: 4 });
      catalog.put(task(1, { cost_usd: 0.3 }));
      catalog.remove(task(0));
      expect(catalog.spentSince(0, 'a')).toEqual({ cost_usd: 0.3, tasks: 2 });
      expect(catalog.spentSince(0, 'nobody')).toEqual({ cost_usd: 0, tasks: 0 });
    });
  });
});
