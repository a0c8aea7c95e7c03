/**
 * The snapshot, `index.json`: plain JSON with one record a line, for a person with jq and for a loader that never holds
 * more than a piece of it.
 *
 *   {"version":1,"generation":"…","continues":{"journal":"…","offset":123},"records":[
 *   {"id":"…",…},
 *   {"id":"…",…}
 *   ],"end":{"records":2,"crc":"…"}}
 *
 * `end` proves that it is whole: the CRC-32 of everything before that line. It is written under another name, synced
 * and renamed. `continues` says which changes it lacks when a crash left the journal of the snapshot before it.
 */
import { closeSync, openSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { readFully } from './lines.js';
import type { Span } from './span.js';

export const SNAPSHOT_VERSION = 1;

export interface SnapshotHeader {
  generation: string;
  /** The journal in use when it was begun, and how much of it is contained. */
  continues: { journal: string; offset: number };
}

export function snapshotHead(header: SnapshotHeader): string {
  const text = JSON.stringify({ version: SNAPSHOT_VERSION, ...header });
  return `${text.slice(0, -1)},"records":[\n`;
}

export function snapshotEnd(records: number, crc: number): string {
  return `],"end":${JSON.stringify({ records, crc: crc.toString(16).padStart(8, '0') })}}\n`;
}

/** Why there is no usable snapshot. */
export type SnapshotProblem = 'missing' | 'version' | 'damaged';

export interface OpenSnapshot {
  /** The open file; the caller closes it. */
  file: number;
  bytes: number;
  header: SnapshotHeader;
}

const CHUNK = 256 * 1024;
const LONGEST = 4 * 1024 * 1024;

/**
 * Opens a snapshot and hands each record's text to `visit`. The text is a view that the next one overwrites. What was
 * visited counts only when a snapshot is returned: the checksum comes last.
 */
export function readSnapshot(
  path: string,
  visit: (text: Buffer, span: Span) => boolean,
): OpenSnapshot | SnapshotProblem {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return 'missing';
  }
  const read = readBody(file, visit);
  if (typeof read === 'string') closeSync(file);
  return typeof read === 'string' ? read : { file, ...read };
}

function readBody(
  file: number,
  visit: (text: Buffer, span: Span) => boolean,
): { bytes: number; header: SnapshotHeader } | SnapshotProblem {
  let buffer = Buffer.allocUnsafe(CHUNK);
  let header: SnapshotHeader | undefined;
  let start = 0;
  let crc = 0;
  let records = 0;
  for (;;) {
    const got = readFully(file, buffer, buffer.length, start);
    let at = 0;
    for (;;) {
      const newline = buffer.indexOf(10, at);
      if (newline === -1 || newline >= got) break;
      const first = buffer[at];
      if (header === undefined) {
        const parsed = parseHead(buffer.subarray(at, newline));
        if (typeof parsed === 'string') return parsed;
        header = parsed;
      } else if (first === 0x5d) {
        const whole = crc32(buffer.subarray(0, at), crc);
        const end = buffer.toString('latin1', at, newline + 1);
        return end === snapshotEnd(records, whole) ? { bytes: start + newline + 1, header } : 'damaged';
      } else {
        const end = buffer[newline - 1] === 0x2c ? newline - 1 : newline;
        const text = buffer.subarray(at, end);
        records++;
        if (!visit(text, { at: start + at, length: end - at, crc: crc32(text) })) return 'damaged';
      }
      at = newline + 1;
    }
    if (got < buffer.length) return 'damaged';
    crc = crc32(buffer.subarray(0, at), crc);
    start += at;
    if (at === 0) {
      if (buffer.length >= LONGEST) return 'damaged';
      buffer = Buffer.allocUnsafe(buffer.length * 4);
    }
  }
}

function parseHead(line: Buffer): SnapshotHeader | 'version' | 'damaged' {
  try {
    const value = JSON.parse(`${line.toString()}]}`) as Partial<SnapshotHeader> & { version?: unknown };
    if (value.version !== SNAPSHOT_VERSION) return 'version';
    const { generation, continues } = value;
    if (typeof generation !== 'string' || typeof continues?.journal !== 'string') return 'damaged';
    if (typeof continues.offset !== 'number') return 'damaged';
    return { generation, continues };
  } catch {
    return 'damaged';
  }
}
