/** A hash table from two row fields (a 64-bit hash) to a slot: open addressing, linear probing, four bytes an entry. */
import type { Rows } from './rows.js';

const EMPTY = -1;
const GONE = -2;

export class SlotIndex {
  readonly #rows: Rows;
  readonly #fieldA: number;
  readonly #fieldB: number;
  #table = new Int32Array(1024).fill(EMPTY);
  /** Entries that are not empty, the gone ones included. */
  #filled = 0;
  #count = 0;

  constructor(rows: Rows, fieldA: number, fieldB: number) {
    this.#rows = rows;
    this.#fieldA = fieldA;
    this.#fieldB = fieldB;
  }

  /** The slot with this hash, or -1. */
  find(a: number, b: number): number {
    const mask = this.#table.length - 1;
    for (let i = a & mask; ; i = (i + 1) & mask) {
      const slot = this.#table[i] as number;
      if (slot === EMPTY) return -1;
      if (slot !== GONE && this.#rows.u32(slot, this.#fieldA) === a && this.#rows.u32(slot, this.#fieldB) === b) {
        return slot;
      }
    }
  }

  /** Makes room for so many more. */
  reserve(more: number): void {
    if ((this.#filled + more) * 3 > this.#table.length * 2) this.#rehash(more);
  }

  /** Enters a slot by the hash in its row. The hash must not be there yet. */
  add(slot: number): void {
    this.reserve(1);
    this.#place(slot);
    this.#count++;
  }

  /** Puts another slot with the same hash in a slot's place, or takes it out (-1). */
  replace(slot: number, by: number): void {
    const mask = this.#table.length - 1;
    for (let i = this.#rows.u32(slot, this.#fieldA) & mask; ; i = (i + 1) & mask) {
      if (this.#table[i] === EMPTY) return;
      if (this.#table[i] !== slot) continue;
      this.#table[i] = by === -1 ? GONE : by;
      if (by === -1) this.#count--;
      return;
    }
  }

  #place(slot: number): void {
    const mask = this.#table.length - 1;
    let i = this.#rows.u32(slot, this.#fieldA) & mask;
    while ((this.#table[i] as number) >= 0) i = (i + 1) & mask;
    if (this.#table[i] === EMPTY) this.#filled++;
    this.#table[i] = slot;
  }

  #rehash(more: number): void {
    const old = this.#table;
    let size = 1024;
    while (size < (this.#count + more) * 2) size *= 2;
    this.#table = new Int32Array(size).fill(EMPTY);
    this.#filled = 0;
    for (const slot of old) if (slot >= 0) this.#place(slot);
  }
}
