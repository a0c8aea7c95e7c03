/** Any sequence of changes, restarts and crashes leaves the catalog equal to the plain model. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OUTCOMES } from '../../src/catalog/table.js';
import { openCatalog, type Catalog, type CatalogRecord } from '../../src/catalog/index.js';
import { MESSAGE_TYPES, STATES, type Place } from '../../src/core/message.js';
import { testdir } from '../support/testdir.js';
import { applyTo, Model, sorted, timeOf, type Change } from './changes.js';

const open = (dir: string, mode: 'write' | 'read' = 'write'): Promise<Catalog> =>
  openCatalog(dir, {
    mode,
    toRecord: () => {
      throw new Error('no folders here');
    },
  });

const place: fc.Arbitrary<Place> = fc.record({
  mailbox: fc.constantFrom('a', 'b'),
  state: fc.constantFrom(...STATES),
  name: fc.constantFrom('1.md', '2.md', '2026-11/1.md', 'ü.md'),
});
const id = fc.oneof(
  fc.uuid(),
  fc.constantFrom('', 'same', 'task-1', 'task-2', '0199f3c2-7d1e-7a44-9c1b-2f6f0a6f5e11'),
  fc.string({ maxLength: 16 }),
);
const rest = fc.record(
  {
    subject: fc.oneof(fc.string({ unit: 'binary' }), fc.constant('x'.repeat(60_000))),
    from: fc.oneof(fc.constantFrom('laptop', 'server'), fc.string()),
    thread: fc.constantFrom('t1', 't2'),
    cost_usd: fc.integer({ min: 0, max: 1000 }).map((cents) => cents / 100),
    waiting_ms: fc.nat(),
    outcome: fc.constantFrom(...OUTCOMES.filter((each) => each !== undefined)),
    reason: fc.constantFrom('timeout', 'exit', '__proto__'),
    created: fc.constantFrom('2026-11-20T10:30:00Z', '2026-11-20T10:30:00.500Z', 'no time'),
    type: fc.constantFrom(...MESSAGE_TYPES),
    runs: fc.nat(3),
  },
  { requiredKeys: ['subject', 'from', 'created', 'type', 'runs'] },
);
const record: fc.Arbitrary<CatalogRecord> = fc.tuple(place, id, rest, fc.nat(1e6)).map(([at, known, more, n]) => ({
  id: known,
  ...at,
  to: at.mailbox,
  priority: 'normal',
  updated: n,
  size: n,
  mtime: n + 0.5,
  attempts: 0,
  crashes: 0,
  ...more,
}));
type Step = Change | 'turn' | 'reopen' | 'flush' | 'settle' | 'lose the files' | { crash: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: record.map((put) => ({ put })) },
  { weight: 3, arbitrary: fc.constant('turn' as const) },
  { weight: 3, arbitrary: place.map((remove) => ({ remove })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('reopen' as const, 'flush' as const, 'settle' as const, 'lose the files' as const),
  },
  { weight: 1, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }).map((crash) => ({ crash })) },
);

/** What the catalog says, by every way of asking, is what the model says. */
function expectEqual(catalog: Catalog, model: Model): void {
  const want = model.list().map((each) => JSON.parse(JSON.stringify(each)) as CatalogRecord);
  const { records, total } = catalog.list({ limit: 1000 });
  expect(total).toBe(want.length);
  expect(sorted(records)).toEqual(sorted(want));
  expect(records.map(timeOf)).toEqual(want.map(timeOf).toSorted((a, b) => b - a));
  for (const each of want) {
    expect(catalog.get(each)).toEqual(each);
    expect(catalog.hasId(each.id)).toBe(each.id !== '');
    const twins = want.filter((other) => other.id === each.id).length;
    if (each.id !== '')
      expect(catalog.findById(each.id, 1000).filter((found) => found.id === each.id)).toHaveLength(twins);
  }
  const stats = catalog.stats();
  for (const state of STATES) expect(stats.by_state[state]).toBe(want.filter((each) => each.state === state).length);
  expect(stats.cost_usd).toBeCloseTo(
    want.reduce((sum, each) => sum + (each.cost_usd ?? 0), 0),
    6,
  );
  expect(stats.runs).toBe(want.reduce((sum, each) => sum + each.runs, 0));
  const waits = want.flatMap((each) => each.waiting_ms ?? []).toSorted((a, b) => a - b);
  expect(stats.waiting_ms.p95).toBe(waits[Math.max(0, Math.ceil(waits.length * 0.95) - 1)] ?? 0);
  expect(catalog.spentSince(500_000).cost_usd).toBeCloseTo(
    want.filter((each) => each.updated >= 500_000).reduce((sum, each) => sum + (each.cost_usd ?? 0), 0),
    6,
  );
}

function replayed(changes: Change[]): Model {
  const model = new Model();
  for (const change of changes) applyTo(model, change);
  return model;
}

test('changes, restarts and lost files', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const dir = `${testdir()}/.mailboxd`;
      let catalog = await open(dir);
      const changes: Change[] = [];
      try {
        for (const each of steps) {
          if (each === 'turn') await new Promise((resolve) => setImmediate(resolve));
          else if (each === 'flush') await catalog.flush();
          else if (each === 'settle') await catalog.settled();
          else if (each === 'lose the files') rmSync(dir, { recursive: true, force: true });
          else if (each === 'reopen') {
            await catalog.flush();
            await catalog.close();
            catalog = await open(dir);
          } else if (typeof each === 'object' && 'crash' in each) {
            await crashed(dir, catalog, changes, each.crash);
          } else {
            applyTo(catalog, each);
            changes.push(each);
          }
        }
        expectEqual(catalog, replayed(changes));
        await catalog.flush();
        await using reader = await open(dir, 'read');
        expectEqual(reader, replayed(changes));
      } finally {
        await catalog.close();
      }
      await using reopened = await open(dir, 'read');
      expectEqual(reopened, replayed(changes));
    }),
    { numRuns: 150 },
  );
});

/** The files as they are, the journal cut at any byte: some first part of the changes is there, nothing else. */
async function crashed(dir: string, catalog: Catalog, changes: Change[], share: number): Promise<void> {
  await catalog.settled();
  const image = `${testdir()}/.mailboxd`;
  mkdirSync(image);
  for (const name of ['index.json', 'index.journal'])
    if (existsSync(`${dir}/${name}`)) copyFileSync(`${dir}/${name}`, `${image}/${name}`);
  const journal = readFileSync(`${image}/index.journal`);
  const cut = Math.floor(journal.length * share);
  truncateSync(`${image}/index.journal`, cut);
  const before = [...journal.subarray(0, cut)].filter((byte) => byte === 10).length;
  const missing = [...journal].filter((byte) => byte === 10).length - Math.max(1, before);
  // A removal of what is not there is no line.
  const lines: Change[] = [];
  const model = new Model();
  for (const change of changes) {
    if ('put' in change || model.records.has(`${change.remove.mailbox}/${change.remove.state}/${change.remove.name}`))
      lines.push(change);
    applyTo(model, change);
  }
  await using reopened = await open(image);
  expectEqual(reopened, replayed(lines.slice(0, lines.length - missing)));
}
