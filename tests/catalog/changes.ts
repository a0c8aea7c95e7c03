/** Records, changes and the model that the catalog is compared with. */
import type { Place } from '../../src/core/message.js';
import type { CatalogRecord } from '../../src/catalog/index.js';

export type Change = { put: CatalogRecord } | { remove: Place };

export function recordOf(place: Place, more: Partial<CatalogRecord> = {}): CatalogRecord {
  return {
    id: `id-${place.mailbox}-${place.name}`.slice(0, 64),
    ...place,
    type: 'task',
    from: 'laptop',
    to: place.mailbox,
    subject: 'Say hello',
    priority: 'normal',
    created: '2026-11-20T10:30:00.000Z',
    updated: 1_763_634_600_000,
    size: 100,
    mtime: 1_763_634_600_000.25,
    attempts: 0,
    crashes: 0,
    runs: 0,
    ...more,
  };
}

/** The change number `i` of an endless, fixed sequence: puts, moves and removals over 40 places, some of them large. */
export function changeOf(i: number): Change {
  const random = (i * 2_654_435_761) >>> 0;
  const place: Place = {
    mailbox: random & 1 ? 'server' : 'laptop',
    state: random & 2 ? 'complete' : 'inbox',
    name: `message-${(random >>> 8) % 10}.md`,
  };
  if (random % 7 === 0) return { remove: place };
  return {
    put: recordOf(place, { subject: `${i} ${'ä'.repeat(random % 3 === 0 ? 3_000 : 20)}`, updated: i, runs: i }),
  };
}

export function applyTo(
  target: { put(record: CatalogRecord): void; remove(place: Place): unknown },
  change: Change,
): void {
  if ('put' in change) target.put(change.put);
  else target.remove(change.remove);
}

/** What a catalog must hold, the plain way. */
export class Model {
  readonly records = new Map<string, CatalogRecord>();

  put(record: CatalogRecord): void {
    this.records.set(keyOf(record), record);
  }

  remove(place: Place): boolean {
    return this.records.delete(keyOf(place));
  }

  /** Newest first, ties by id, then place. */
  list(): CatalogRecord[] {
    return sorted([...this.records.values()]);
  }
}

export function keyOf({ mailbox, state, name }: Place): string {
  return `${mailbox}/${state}/${name}`;
}

/** In an order that does not depend on the catalog's for equal ids. */
export function sorted(records: CatalogRecord[]): CatalogRecord[] {
  const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return records.toSorted((a, b) => timeOf(b) - timeOf(a) || order(a.id, b.id) || order(keyOf(a), keyOf(b)));
}

/** What a record is ordered by; one without a readable time comes last. */
export function timeOf(record: CatalogRecord): number {
  return Date.parse(record.created) || 0;
}
