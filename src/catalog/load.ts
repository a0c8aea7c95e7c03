/** Brings snapshot and journal into memory. Nothing in them is believed that a checksum does not prove. */
import { closeSync, ftruncateSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { State } from '../core/message.js';
import { parseRemoval, readHeader, readLines, type JournalHeader } from './journal.js';
import { Lines, sizeOf } from './lines.js';
import { readRecord } from './record.js';
import { readSnapshot, type OpenSnapshot, type SnapshotProblem } from './snapshot.js';
import { journalAt } from './span.js';
import { Table } from './table.js';
import { Tail } from './tail.js';

export function snapshotPath(dir: string): string {
  return join(dir, 'index.json');
}

export function journalPath(dir: string): string {
  return join(dir, 'index.journal');
}

export interface Loaded {
  table: Table;
  lines: Lines;
  /** Undefined when there is no journal that goes on from what was loaded. */
  journal: JournalHeader | undefined;
  snapshot: OpenSnapshot | SnapshotProblem;
}

/** Opens for writing (the caller holds the lock) or for reading, beside a writer that may be replacing the files. */
export function loadIndex(dir: string, mode: 'write' | 'read'): Loaded {
  for (let tries = 3; ; tries--) {
    const loaded = loadOnce(dir, mode);
    // A writer may have renamed the two files between our two looks.
    if (loaded.journal || typeof loaded.snapshot === 'string' || mode === 'write' || tries === 0) return loaded;
    closeLines(loaded.lines);
  }
}

export function closeLines(lines: Lines): void {
  if (lines.snapshot !== undefined) closeSync(lines.snapshot);
  if (lines.journal !== undefined) closeSync(lines.journal);
  lines.snapshot = undefined;
  lines.journal = undefined;
}

function loadOnce(dir: string, mode: 'write' | 'read'): Loaded {
  const lines = new Lines(new Tail());
  let table = new Table();
  const bytes = statSync(snapshotPath(dir), { throwIfNoEntry: false })?.size ?? 0;
  const snapshot = readSnapshot(snapshotPath(dir), (text, span) => {
    if (table.size === 0) table.reserve(Math.ceil((bytes - span.at) / (text.length + 2)));
    const record = readRecord(text);
    // A snapshot names each place once.
    if (record) table.add(record, span);
    return record !== undefined;
  });
  if (typeof snapshot === 'string') table = new Table();
  else lines.snapshot = snapshot.file;
  const journal = openJournal(dir, mode, snapshot);
  if (!journal) return { table, lines, journal: undefined, snapshot };
  lines.journal = journal.file;
  const end = readLines(journal.file, journal.from, (op, text, offset, crc) => {
    if (op === 'p') {
      const record = readRecord(text);
      if (record) table.put(record, { at: journalAt(offset), length: text.length, crc });
      return record !== undefined;
    }
    if (op === 'h') return true;
    const place = parseRemoval(text);
    if (!place) return false;
    const slot = table.find({ mailbox: place[0], state: place[1] as State, name: place[2] });
    if (slot !== -1) table.remove(slot);
    return true;
  });
  if (mode === 'write') ftruncateSync(journal.file, end);
  lines.tail.end = end;
  return { table, lines, journal: journal.header, snapshot };
}

interface OpenJournal {
  file: number;
  header: JournalHeader;
  /** Where the changes begin that the snapshot lacks. */
  from: number;
}

function openJournal(
  dir: string,
  mode: 'write' | 'read',
  snapshot: OpenSnapshot | SnapshotProblem,
): OpenJournal | undefined {
  let file: number;
  try {
    file = openSync(journalPath(dir), mode === 'write' ? 'r+' : 'r');
  } catch {
    return undefined;
  }
  const header = readHeader(file);
  const from = header === undefined ? undefined : startOf(header, snapshot);
  if (header !== undefined && from !== undefined && from <= sizeOf(file)) return { file, header, from };
  closeSync(file);
  return undefined;
}

function startOf(header: JournalHeader, snapshot: OpenSnapshot | SnapshotProblem): number | undefined {
  if (typeof snapshot === 'string') return header.of === null ? 0 : undefined;
  if (header.of === snapshot.header.generation) return 0;
  const { journal, offset } = snapshot.header.continues;
  return header.journal === journal ? offset : undefined;
}
