/** Lists and look-ups over the rows; texts are read for the answer alone. */
import { STATES, type MessageType, type State } from '../core/message.js';
import { compareIds, prefixTest } from './ids.js';
import type { Lines } from './lines.js';
import { readRecord, type CatalogRecord } from './record.js';
import { F64, FLAG, U32, type Rows } from './rows.js';
import { shortHash, type Table } from './table.js';

export interface ListFilter {
  mailbox?: string;
  state?: State;
  from?: string;
  type?: MessageType;
  thread?: string;
  /** At most this many; 50 by default. */
  limit?: number;
  /** How many of the newest to leave out. */
  offset?: number;
}

export interface Listing {
  /** Newest `created` first, equal ones by id. */
  records: CatalogRecord[];
  /** How many there are without `limit` and `offset`. */
  total: number;
}

/** The record of a row; undefined when its text is damaged. */
export function recordOf(table: Table, lines: Lines, slot: number): CatalogRecord | undefined {
  const text = lines.read(table.line(slot));
  return text && readRecord(text);
}

export function listSlots(table: Table, filter: ListFilter): { slots: number[]; total: number } {
  const test = filterTest(table, filter);
  const limit = filter.limit ?? 50;
  const offset = filter.offset ?? 0;
  if (!test) return { slots: [], total: 0 };
  const newest = new Newest(table.rows, offset + limit);
  let total = 0;
  for (let slot = 0; slot < table.rows.used; slot++) {
    if (!test(slot)) continue;
    total++;
    newest.offer(slot);
  }
  return { slots: newest.sorted().slice(offset), total };
}

/** Slots whose id is `prefix`, then those whose id begins with it, newest first; at most `limit`. */
export function slotsWithPrefix(table: Table, prefix: string, limit: number): number[] {
  const exact = [...table.withId(prefix)];
  if (exact.length >= limit) return exact.slice(0, limit);
  const { rows } = table;
  const test = prefixTest(rows, prefix);
  const newest = new Newest(rows, limit + exact.length);
  for (let slot = 0; slot < rows.used; slot++) {
    const named = (rows.u32(slot, U32.flags) & FLAG.live) !== 0 && rows.u32(slot, U32.id) !== 0;
    if (named && test(slot)) newest.offer(slot);
  }
  return [...exact, ...newest.sorted().filter((slot) => !exact.includes(slot))].slice(0, limit);
}

/** Finished messages with this fingerprint, newest change first. */
export function slotsWithFingerprint(table: Table, fingerprint: string): number[] {
  const { rows } = table;
  const hash = shortHash(fingerprint);
  const want = FLAG.live | FLAG.hasFingerprint | STATES.indexOf('complete');
  const mask = FLAG.live | FLAG.hasFingerprint | FLAG.state;
  const slots: number[] = [];
  for (let slot = 0; slot < rows.used; slot++) {
    if ((rows.u32(slot, U32.flags) & mask) === want && rows.u32(slot, U32.fingerprint) === hash) slots.push(slot);
  }
  return slots.sort((a, b) => rows.f64(b, F64.updated) - rows.f64(a, F64.updated) || compareIds(rows, a, b));
}

/** Undefined when nothing can match. */
function filterTest(table: Table, filter: ListFilter): ((slot: number) => boolean) | undefined {
  const { rows } = table;
  const mailbox = filter.mailbox === undefined ? undefined : table.mailboxes.find(filter.mailbox);
  const from = filter.from === undefined ? undefined : table.senders.find(filter.from);
  if (mailbox === -1 || from === -1) return undefined;
  const thread = filter.thread === undefined ? undefined : shortHash(filter.thread);
  let mask: number = FLAG.live;
  let want: number = FLAG.live;
  if (filter.state !== undefined) {
    mask |= FLAG.state;
    want |= STATES.indexOf(filter.state);
  }
  if (filter.type !== undefined) {
    mask |= FLAG.chat;
    if (filter.type === 'chat') want |= FLAG.chat;
  }
  if (thread !== undefined) {
    mask |= FLAG.hasThread;
    want |= FLAG.hasThread;
  }
  return (slot) =>
    (rows.u32(slot, U32.flags) & mask) === want &&
    (mailbox === undefined || rows.u32(slot, U32.mailbox) === mailbox) &&
    (from === undefined || rows.u32(slot, U32.from) === from) &&
    (thread === undefined || rows.u32(slot, U32.thread) === thread);
}

/** The `size` newest of the slots it was offered: a heap with the oldest of them on top. */
class Newest {
  readonly #rows: Rows;
  readonly #size: number;
  readonly #heap: number[] = [];

  constructor(rows: Rows, size: number) {
    this.#rows = rows;
    this.#size = size;
  }

  offer(slot: number): void {
    const heap = this.#heap;
    if (heap.length < this.#size) {
      heap.push(slot);
      let i = heap.length - 1;
      for (let up = (i - 1) >> 1; i > 0 && this.#compare(heap[up] as number, slot) < 0; up = (i - 1) >> 1) {
        heap[i] = heap[up] as number;
        i = up;
      }
      heap[i] = slot;
    } else if (this.#size > 0 && this.#compare(slot, heap[0] as number) < 0) {
      this.#sink(slot);
    }
  }

  sorted(): number[] {
    return this.#heap.toSorted((a, b) => this.#compare(a, b));
  }

  /** Puts a slot on top in place of the oldest, and down to where it belongs. */
  #sink(slot: number): void {
    const heap = this.#heap;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#compare(heap[child] as number, heap[child + 1] as number) < 0) child++;
      if (this.#compare(heap[child] as number, slot) <= 0) break;
      heap[i] = heap[child] as number;
      i = child;
    }
    heap[i] = slot;
  }

  /** Negative when `a` comes first: it is newer, or equally old with the smaller id. */
  #compare(a: number, b: number): number {
    return this.#rows.f64(b, F64.created) - this.#rows.f64(a, F64.created) || compareIds(this.#rows, a, b);
  }
}
