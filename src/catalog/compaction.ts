/** Writes a snapshot of a table that goes on changing, in slices that leave the event loop to others. */
import { crc32 } from 'node:zlib';
import { closeFile, openFile, syncData, writeFully } from './disk.js';
import { Window, type Lines } from './lines.js';
import { F64, F64_ROW, FLAG, U32, U32_ROW } from './rows.js';
import { journalAt, journalOffset } from './span.js';
import { snapshotEnd, snapshotHead, type SnapshotHeader } from './snapshot.js';
import type { Table } from './table.js';

const SLICE = 128 * 1024;
/** Bytes between two syncs: a long one at the end would hold up everybody's renames. */
const SYNC_EVERY = 8 * 1024 * 1024;

export interface WrittenSnapshot {
  file: number;
  bytes: number;
  /** Where each slot's text is in it; -1 for a slot that is not in it, or was changed since. */
  moved: Float64Array;
  /** Ends the keeping of `moved`. */
  stopWatching: () => void;
}

/**
 * Writes the records that `header.continues.offset` of the journal covers to a new file, synced. A record that changes
 * meanwhile may stand in it as it was: the journal from that offset on puts it right.
 * @throws a system error; the file is then left for the caller to remove.
 */
export async function writeSnapshot(
  path: string,
  header: SnapshotHeader,
  table: Table,
  lines: Lines,
  signal: AbortSignal,
): Promise<WrittenSnapshot> {
  const { rows } = table;
  const cut = header.continues.offset;
  const file = await openFile(path, 'w+', 0o600);
  const moved = new Float64Array(rows.used).fill(-1);
  const stopWatching = table.watch({
    before: (slot) => {
      if (slot < moved.length) moved[slot] = -1;
    },
  });
  const output = new Output(file);
  try {
    output.add(Buffer.from(snapshotHead(header)));
    const snapshot = new Window(lines.snapshot, SLICE);
    const journal = new Window(lines.journal, SLICE);
    const comma = Buffer.from(',\n');
    let records = 0;
    for (let slot = 0; slot < moved.length; slot++) {
      if (!rows.isLive(slot)) continue;
      const at = rows.f64(slot, F64.at);
      const offset = journalOffset(at);
      if (offset !== undefined && offset >= cut) continue;
      const length = rows.u32(slot, U32.length);
      const crc = rows.u32(slot, U32.crc);
      const bytes = offset === undefined ? snapshot.read(at, length, crc) : journal.read(offset, length, crc);
      if (!bytes) continue;
      if (records++ > 0) output.add(comma);
      moved[slot] = output.end;
      output.add(bytes);
      if (output.isFull) {
        await output.flush();
        signal.throwIfAborted();
      }
    }
    if (records > 0) output.add(Buffer.from('\n'));
    output.add(Buffer.from(snapshotEnd(records, output.crc)));
    await output.flush();
    await syncData(file);
    return { file, bytes: output.end, moved, stopWatching };
  } catch (error) {
    stopWatching();
    await closeFile(file);
    throw error;
  }
}

/**
 * Points every row to its text's new place: in the snapshot (`moved`), or in the journal, of which the part from `cut` on
 * now begins at `head`. Rows whose text was damaged on the disk go; the next sync finds them in the folders again.
 */
export function relocate(table: Table, moved: Float64Array, cut: number, head: number): void {
  const damaged: number[] = [];
  let first = 0;
  for (const page of table.rows.pages()) {
    relocatePage(page, first, moved, cut, head, damaged);
    first += page.rows;
  }
  for (const slot of damaged) table.remove(slot);
}

/** A function of its own, so that the engine has compiled it after a few pages: this runs in one go over all rows. */
function relocatePage(
  { f64, u32, rows }: { f64: Float64Array; u32: Uint32Array; rows: number },
  first: number,
  moved: Float64Array,
  cut: number,
  head: number,
  damaged: number[],
): void {
  for (let row = 0; row < rows; row++) {
    if (((u32[row * U32_ROW + U32.flags] as number) & FLAG.live) === 0) continue;
    const slot = first + row;
    const to = slot < moved.length ? (moved[slot] as number) : -1;
    const offset = journalOffset(f64[row * F64_ROW + F64.at] as number) ?? -1;
    if (to >= 0) f64[row * F64_ROW + F64.at] = to;
    else if (offset >= cut) f64[row * F64_ROW + F64.at] = journalAt(offset - cut + head);
    else damaged.push(slot);
  }
}

/** Collects small pieces and writes them as large ones. */
class Output {
  end = 0;
  crc = 0;
  readonly #file: number;
  #buffer = Buffer.allocUnsafe(2 * SLICE);
  #used = 0;
  #sinceSync = 0;

  constructor(file: number) {
    this.#file = file;
  }

  get isFull(): boolean {
    return this.#used >= SLICE;
  }

  add(bytes: Buffer): void {
    if (this.#used + bytes.length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe((this.#used + bytes.length) * 2);
      this.#buffer.copy(larger, 0, 0, this.#used);
      this.#buffer = larger;
    }
    bytes.copy(this.#buffer, this.#used);
    this.crc = crc32(bytes, this.crc);
    this.#used += bytes.length;
    this.end += bytes.length;
  }

  async flush(): Promise<void> {
    await writeFully(this.#file, this.#buffer.subarray(0, this.#used), this.end - this.#used);
    this.#sinceSync += this.#used;
    this.#used = 0;
    if (this.#sinceSync < SYNC_EVERY) return;
    this.#sinceSync = 0;
    await syncData(this.#file);
  }
}
