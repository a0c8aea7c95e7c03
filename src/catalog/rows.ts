/**
 * The catalog in memory: one packed row a message, 160 bytes, in pages. What is filtered, sorted or summed stands in
 * the row; the rest (subject, names, …) stays on disk, and the row says where. So 100,000 messages cost 16 MB and no
 * objects for the garbage collector to visit.
 */
const STRIDE = 160;
const PAGE_BITS = 10;
const PAGE_ROWS = 1 << PAGE_BITS;

/** Numbers a row, in either view. */
export const F64_ROW = STRIDE / 8;
export const U32_ROW = STRIDE / 4;

/** Fields of eight bytes, by number. */
export const F64 = { created: 0, updated: 1, mtime: 2, cost: 3, waiting: 4, running: 5, at: 6 } as const;

/** Fields of four bytes, by number; the first seven fields of eight lie before them. */
export const U32 = {
  placeA: 14,
  placeB: 15,
  idA: 16,
  idB: 17,
  /** The id's first 16 characters, or the 16 bytes of a UUID: four numbers, big-endian, so that they sort as text. */
  id: 18,
  length: 22,
  crc: 23,
  mailbox: 24,
  from: 25,
  reason: 26,
  thread: 27,
  fingerprint: 28,
  tokensIn: 29,
  tokensOut: 30,
  size: 31,
  /** Number of the change that wrote it, for a reconcile that runs beside changes. */
  stamp: 32,
  flags: 33,
  /** Rows with the same id, as a ring of slot + 1; 0 for none. */
  next: 34,
  previous: 35,
  turns: 36,
  attempts: 37,
  crashes: 38,
  runs: 39,
} as const;

/** Bits of `flags`. */
export const FLAG = {
  state: 3,
  chat: 4,
  uuid: 8,
  live: 16,
  outcomeShift: 5,
  outcome: 7,
  hasThread: 256,
  hasFingerprint: 512,
} as const;

type F64Field = (typeof F64)[keyof typeof F64];

interface Page {
  f64: Float64Array;
  u32: Uint32Array;
}

export class Rows {
  /** Slots ever used; those given back are among them, with flags 0. */
  used = 0;
  readonly #pages: Page[] = [];
  readonly #free: number[] = [];

  allocate(): number {
    const given = this.#free.pop();
    if (given !== undefined) return given;
    const slot = this.used++;
    if (slot >> PAGE_BITS >= this.#pages.length) {
      const bytes = new ArrayBuffer(STRIDE * PAGE_ROWS);
      this.#pages.push({ f64: new Float64Array(bytes), u32: new Uint32Array(bytes) });
    }
    return slot;
  }

  /** Clears the row and gives its slot back. */
  release(slot: number): void {
    const page = this.#page(slot);
    const start = (slot & (PAGE_ROWS - 1)) * U32_ROW;
    page.u32.fill(0, start, start + U32_ROW);
    this.#free.push(slot);
  }

  /** All rows in pages of up to 1,024, for a loop over many fields: row `i` begins at `i * F64_ROW` and `i * U32_ROW`. */
  *pages(): Generator<{ f64: Float64Array; u32: Uint32Array; rows: number }> {
    for (const [i, page] of this.#pages.entries()) {
      yield { ...page, rows: Math.min(PAGE_ROWS, this.used - i * PAGE_ROWS) };
    }
  }

  isLive(slot: number): boolean {
    return (this.u32(slot, U32.flags) & FLAG.live) !== 0;
  }

  f64(slot: number, field: F64Field): number {
    return this.#page(slot).f64[(slot & (PAGE_ROWS - 1)) * F64_ROW + field] as number;
  }

  setF64(slot: number, field: F64Field, value: number): void {
    this.#page(slot).f64[(slot & (PAGE_ROWS - 1)) * F64_ROW + field] = value;
  }

  u32(slot: number, field: number): number {
    return this.#page(slot).u32[(slot & (PAGE_ROWS - 1)) * U32_ROW + field] as number;
  }

  setU32(slot: number, field: number, value: number): void {
    this.#page(slot).u32[(slot & (PAGE_ROWS - 1)) * U32_ROW + field] = value;
  }

  #page(slot: number): Page {
    return this.#pages[slot >> PAGE_BITS] as Page;
  }
}
