/** Records' texts: in the snapshot, in the journal, or in memory on their way to the journal. */
import { fstatSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { journalOffset, type Span } from './span.js';
import type { Tail } from './tail.js';

export class Lines {
  snapshot: number | undefined;
  journal: number | undefined;
  readonly tail: Tail;

  constructor(tail: Tail) {
    this.tail = tail;
  }

  /** The text, in a Buffer that the next call may overwrite; undefined when it is not what was written. */
  read(span: Span): Buffer | undefined {
    const offset = journalOffset(span.at);
    const pending = offset === undefined ? undefined : this.tail.read(offset, span.length);
    if (pending) return pending;
    const file = offset === undefined ? this.snapshot : this.journal;
    if (file === undefined) return undefined;
    const bytes = readAt(file, offset ?? span.at, span.length);
    return bytes && crc32(bytes) === span.crc ? bytes : undefined;
  }
}

let scratch = Buffer.allocUnsafe(4096);

function readAt(file: number, offset: number, length: number): Buffer | undefined {
  if (scratch.length < length) scratch = Buffer.allocUnsafe(length * 2);
  return readFully(file, scratch, length, offset) === length ? scratch.subarray(0, length) : undefined;
}

/** Reads until `length` bytes are there or the file ends; returns how many. An unreadable file ends at once. */
export function readFully(file: number, buffer: Buffer, length: number, offset: number): number {
  let got = 0;
  try {
    while (got < length) {
      const count = readSync(file, buffer, got, length - got, offset + got);
      if (count === 0) break;
      got += count;
    }
  } catch {
    // A disk that fails to read is as good as a damaged file: what was there is built again.
  }
  return got;
}

/** Reads a file's spans in ascending order through a window, one system call for many. */
export class Window {
  readonly #file: number | undefined;
  #buffer: Buffer;
  #start = 0;
  #end = 0;

  constructor(file: number | undefined, bytes: number) {
    this.#file = file;
    this.#buffer = Buffer.allocUnsafe(file === undefined ? 0 : bytes);
  }

  /** A view into the window, or undefined when the bytes are not what was written. */
  read(offset: number, length: number, crc: number): Buffer | undefined {
    if (this.#file === undefined) return undefined;
    if (length > this.#buffer.length) {
      this.#buffer = Buffer.allocUnsafe(length * 2);
      this.#end = this.#start;
    }
    if (offset < this.#start || offset + length > this.#end) {
      this.#start = offset;
      this.#end = offset + readFully(this.#file, this.#buffer, this.#buffer.length, offset);
      if (offset + length > this.#end) return undefined;
    }
    const bytes = this.#buffer.subarray(offset - this.#start, offset - this.#start + length);
    return crc32(bytes) === crc ? bytes : undefined;
  }
}

/** Bytes in an open file; 0 when that cannot be said. */
export function sizeOf(file: number): number {
  try {
    return fstatSync(file).size;
  } catch {
    return 0;
  }
}
