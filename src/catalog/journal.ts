/**
 * The journal: what changed since the snapshot it belongs to, one line a change, each with its checksum:
 *
 *   h 5d41402a {"version":1,"journal":"<its own id>","of":"<the snapshot's generation, or null>"}
 *   p 7b8b965a {"id":"…","mailbox":"…",…}
 *   r 9e107d9d ["server","inbox","x.md"]
 *
 * It is read up to the first line that is not whole. What a crash cut off there, the next sync finds in the folders.
 */
import { crc32 } from 'node:zlib';
import { readFully } from './lines.js';
import { PREFIX, type Op } from './tail.js';

export const JOURNAL_VERSION = 1;

export interface JournalHeader {
  /** Its own random id. */
  journal: string;
  /** Generation of the snapshot it goes on from; null when it begins with nothing. */
  of: string | null;
}

export function headerText(header: JournalHeader): string {
  return JSON.stringify({ version: JOURNAL_VERSION, ...header });
}

/** The header of an open journal, or undefined when it is none of this version. */
export function readHeader(file: number): JournalHeader | undefined {
  let header: JournalHeader | undefined;
  readLines(file, 0, (op, text) => {
    if (op !== 'h') return false;
    header = parseHeader(text);
    return false;
  });
  return header;
}

function parseHeader(text: Buffer): JournalHeader | undefined {
  try {
    const value = JSON.parse(text.toString()) as { version?: unknown; journal?: unknown; of?: unknown };
    if (value.version !== JOURNAL_VERSION || typeof value.journal !== 'string') return undefined;
    if (value.of !== null && typeof value.of !== 'string') return undefined;
    return { journal: value.journal, of: value.of };
  } catch {
    return undefined;
  }
}

const CHUNK = 256 * 1024;
/** Longer than any record: front matter is at most 64 KiB. */
const LONGEST = 4 * 1024 * 1024;

/**
 * Calls `visit` for each whole line from an offset on, with the offset and checksum of its text, until one is not whole
 * or `visit` returns false. Returns the offset behind the last line that was accepted. The text is a view that the
 * next line overwrites.
 */
export function readLines(
  file: number,
  from: number,
  visit: (op: Op, text: Buffer, offset: number, crc: number) => boolean,
): number {
  let buffer = Buffer.allocUnsafe(CHUNK);
  let start = from;
  for (;;) {
    const got = readFully(file, buffer, buffer.length, start);
    let at = 0;
    for (;;) {
      const end = buffer.indexOf(10, at);
      if (end === -1 || end >= got) break;
      const op = opOf(buffer[at]);
      const crc = Number.parseInt(buffer.toString('latin1', at + 2, at + PREFIX - 1), 16);
      const text = buffer.subarray(Math.min(at + PREFIX, end), end);
      if (op === undefined || end < at + PREFIX || crc32(text) !== crc) return start + at;
      if (!visit(op, text, start + at + PREFIX, crc)) return start + at;
      at = end + 1;
    }
    if (got < buffer.length) return start + at;
    start += at;
    if (at === 0) {
      if (buffer.length >= LONGEST) return start;
      buffer = Buffer.allocUnsafe(buffer.length * 4);
    }
  }
}

function opOf(byte: number | undefined): Op | undefined {
  return byte === 0x70 ? 'p' : byte === 0x72 ? 'r' : byte === 0x68 ? 'h' : undefined;
}

/** The place of a removal's text, or undefined. */
export function parseRemoval(text: Buffer): [string, string, string] | undefined {
  try {
    const value: unknown = JSON.parse(text.toString());
    if (Array.isArray(value) && value.length === 3 && value.every((part) => typeof part === 'string')) {
      return value as [string, string, string];
    }
  } catch {
    // Not a removal.
  }
  return undefined;
}
