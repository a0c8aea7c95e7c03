/** Rows with their indexes by place and by id, and the counts by mailbox and state, kept in step. */
import { STATES, type Place, type ResultRecord, type State } from '../core/message.js';
import { hashed, hashText } from './hash.js';
import { isId, packId } from './ids.js';
import { Interner } from './interner.js';
import type { CatalogRecord } from './record.js';
import { F64, FLAG, Rows, U32 } from './rows.js';
import { SlotIndex } from './slot-index.js';
import type { Span } from './span.js';

export const OUTCOMES: readonly (ResultRecord['outcome'] | undefined)[] = [
  undefined,
  'complete',
  'failed',
  'cancelled',
  'refused',
  'acknowledged',
];

/** Told of a row before it is cleared, and after it was written. */
export interface Watcher {
  before?(slot: number): void;
  after?(slot: number): void;
}

export class Table {
  readonly rows = new Rows();
  readonly mailboxes = new Interner();
  readonly senders = new Interner();
  readonly reasons = new Interner();
  readonly #places = new SlotIndex(this.rows, U32.placeA, U32.placeB);
  readonly #ids = new SlotIndex(this.rows, U32.idA, U32.idB);
  /** Messages by mailbox number × 4 + state number. */
  readonly #counts: number[] = [];
  size = 0;
  /** Number of the last change. */
  stamp = 0;
  #watchers: Watcher[] = [];

  /** Tells `watcher` of every change until the function it returns is called. */
  watch(watcher: Watcher): () => void {
    this.#watchers = [...this.#watchers, watcher];
    return () => {
      this.#watchers = this.#watchers.filter((each) => each !== watcher);
    };
  }

  /** Makes room for so many more. */
  reserve(more: number): void {
    this.#places.reserve(more);
    this.#ids.reserve(more);
  }

  /** Enters a record in the place of the one there was. `line`: where its text is. */
  put(record: CatalogRecord, line: Span): void {
    const found = this.find(record);
    if (found !== -1) this.#clear(found);
    this.add(record, line);
  }

  /** Enters a record in a place that has none. */
  add(record: CatalogRecord, line: Span): void {
    const { rows } = this;
    const slot = rows.allocate();
    hashText(record.mailbox, record.state, record.name);
    rows.setU32(slot, U32.placeA, hashed.a);
    rows.setU32(slot, U32.placeB, hashed.b);
    rows.setF64(slot, F64.created, Date.parse(record.created) || 0);
    rows.setF64(slot, F64.updated, record.updated);
    rows.setF64(slot, F64.mtime, record.mtime);
    rows.setF64(slot, F64.cost, record.cost_usd ?? Number.NaN);
    rows.setF64(slot, F64.waiting, record.waiting_ms ?? Number.NaN);
    rows.setF64(slot, F64.running, record.running_ms ?? Number.NaN);
    rows.setF64(slot, F64.at, line.at);
    rows.setU32(slot, U32.length, line.length);
    rows.setU32(slot, U32.crc, line.crc);
    rows.setU32(slot, U32.mailbox, this.mailboxes.add(record.mailbox));
    rows.setU32(slot, U32.from, this.senders.add(record.from));
    rows.setU32(slot, U32.reason, record.reason === undefined ? 0 : this.reasons.add(record.reason) + 1);
    rows.setU32(slot, U32.tokensIn, record.tokens_in ?? 0);
    rows.setU32(slot, U32.tokensOut, record.tokens_out ?? 0);
    rows.setU32(slot, U32.size, record.size);
    rows.setU32(slot, U32.stamp, ++this.stamp);
    rows.setU32(slot, U32.turns, record.turns ?? 0);
    rows.setU32(slot, U32.attempts, record.attempts);
    rows.setU32(slot, U32.crashes, record.crashes);
    rows.setU32(slot, U32.runs, record.runs);
    if (record.thread !== undefined) rows.setU32(slot, U32.thread, shortHash(record.thread));
    if (record.fingerprint !== undefined) rows.setU32(slot, U32.fingerprint, shortHash(record.fingerprint));
    rows.setU32(
      slot,
      U32.flags,
      Math.max(0, STATES.indexOf(record.state)) |
        FLAG.live |
        packId(rows, slot, record.id) |
        (record.type === 'chat' ? FLAG.chat : 0) |
        (record.thread === undefined ? 0 : FLAG.hasThread) |
        (record.fingerprint === undefined ? 0 : FLAG.hasFingerprint) |
        (Math.max(0, OUTCOMES.indexOf(record.outcome)) << FLAG.outcomeShift),
    );
    this.#places.add(slot);
    if (record.id !== '') this.#linkId(slot);
    this.#count(slot, 1);
    for (const watcher of this.#watchers) watcher.after?.(slot);
  }

  /** Takes a row out. */
  remove(slot: number): void {
    this.stamp++;
    this.#clear(slot);
  }

  /** The slot of a place, or -1. */
  find(place: Place): number {
    hashText(place.mailbox, place.state, place.name);
    return this.#places.find(hashed.a, hashed.b);
  }

  /** The slots with this id. For ids longer than 16 characters that are no UUID, as sure as a 64-bit hash. */
  *withId(id: string): Generator<number> {
    if (id === '') return;
    hashText(id);
    for (let slot = this.#ids.find(hashed.a, hashed.b); slot !== -1; slot = this.rows.u32(slot, U32.next) - 1) {
      if (isId(this.rows, slot, id)) yield slot;
    }
  }

  count(mailbox: string, state: State): number {
    const number = this.mailboxes.find(mailbox);
    return number === -1 ? 0 : (this.#counts[number * 4 + STATES.indexOf(state)] ?? 0);
  }

  state(slot: number): State {
    return STATES[this.rows.u32(slot, U32.flags) & FLAG.state] as State;
  }

  line(slot: number): Span {
    const { rows } = this;
    return { at: rows.f64(slot, F64.at), length: rows.u32(slot, U32.length), crc: rows.u32(slot, U32.crc) };
  }

  #clear(slot: number): void {
    for (const watcher of this.#watchers) watcher.before?.(slot);
    const { rows } = this;
    this.#count(slot, -1);
    this.#places.replace(slot, -1);
    this.#unlinkId(slot);
    this.mailboxes.release(rows.u32(slot, U32.mailbox));
    this.senders.release(rows.u32(slot, U32.from));
    const reason = rows.u32(slot, U32.reason);
    if (reason !== 0) this.reasons.release(reason - 1);
    rows.release(slot);
  }

  #count(slot: number, change: 1 | -1): void {
    const key = this.rows.u32(slot, U32.mailbox) * 4 + (this.rows.u32(slot, U32.flags) & FLAG.state);
    this.#counts[key] = (this.#counts[key] ?? 0) + change;
    this.size += change;
  }

  /** Rows with one id are a list of which the index knows the head: a thousand copies of a file cost no more each. */
  #linkId(slot: number): void {
    const { rows } = this;
    const head = this.#ids.find(rows.u32(slot, U32.idA), rows.u32(slot, U32.idB));
    if (head === -1) {
      this.#ids.add(slot);
      return;
    }
    const next = rows.u32(head, U32.next);
    rows.setU32(slot, U32.next, next);
    rows.setU32(slot, U32.previous, head + 1);
    if (next !== 0) rows.setU32(next - 1, U32.previous, slot + 1);
    rows.setU32(head, U32.next, slot + 1);
  }

  #unlinkId(slot: number): void {
    const { rows } = this;
    const next = rows.u32(slot, U32.next);
    const previous = rows.u32(slot, U32.previous);
    if (next !== 0) rows.setU32(next - 1, U32.previous, previous);
    if (previous !== 0) rows.setU32(previous - 1, U32.next, next);
    else this.#ids.replace(slot, next - 1);
  }
}

/** 32 bits of a text's hash: enough to filter rows by, before the record itself is read. */
export function shortHash(text: string): number {
  hashText(text);
  return hashed.a;
}
