/**
 * An append-only file of lines, rotated by size: `x.log`, and before it `x.log.1` … `x.log.4`, newest first.
 *
 * Each line is one append to the path, written through before `write` returns: nothing waits in a buffer for an exit,
 * a deleted file or folder is simply made again, and several processes may share the file. A line that the disk
 * refuses is taken back whole, waits in memory (up to a bound) and goes out before the next one. No call throws.
 */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmdirSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, systemCode } from '../core/errors.js';

/** A rotation takes a few ms; a lock this old belongs to a process that died in one. */
const STALE_LOCK_MS = 10_000;
// A link in the file's place could point anywhere; Windows has neither the flag nor the attack.
const APPEND = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);

export interface RotatingFileOptions {
  path: string;
  /** Bytes after which the next line begins a new file. */
  maxBytes: number;
  /** Files kept, the current one included. */
  files: number;
  /** Bytes of lines that may wait in memory while the disk refuses them; later ones are counted and lost. */
  maxWaiting?: number;
  /** Told once for each kind of fault. */
  onProblem(message: string): void;
  /** The line that says, when writing works again, how many were lost. */
  lostLine(count: number, reason: string): string;
}

export interface RotatingFile {
  /** Appends one line, its newline included. */
  write(line: string): void;
  /** Tries once more what is waiting. */
  flush(): void;
  /** Faults met, lines waiting in memory, lines lost, since it was made. */
  readonly counts: { problems: number; waiting: number; lost: number };
}

export function createRotatingFile(options: RotatingFileOptions): RotatingFile {
  const { path, maxBytes, files, maxWaiting = 256 * 1024 } = options;
  const counts = { problems: 0, waiting: 0, lost: 0 };
  const told = new Set<string>();
  const waiting: string[] = [];
  let waitingBytes = 0;
  let unreported = 0;
  let reason = '';
  /** Whether the file may end in the middle of a line: a crash or a full disk of before. */
  let checkEnd = true;

  function problem(error: unknown): void {
    counts.problems += 1;
    reason = systemCode(error) ?? messageOf(error);
    if (told.has(reason)) return;
    told.add(reason);
    options.onProblem(
      `cannot write the log ${path}: ${messageOf(error)}; lines wait in memory, then are counted and lost`,
    );
  }

  function keep(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (waitingBytes + bytes > maxWaiting) {
      counts.lost += 1;
      unreported += 1;
      return;
    }
    // Only a process whose disk refused something has a reason to do anything at its end.
    if (waiting.length === 0) process.once('exit', flush);
    waiting.push(line);
    waitingBytes += bytes;
    counts.waiting = waiting.length;
  }

  function append(line: string): void {
    const fd = openForAppend(path);
    try {
      const size = fstatSync(fd).size;
      const torn = checkEnd && size > 0 && lastByte(fd, size) !== 0x0a;
      appendWhole(fd, Buffer.from(torn ? `\n${line}` : line), size);
      checkEnd = false;
    } catch (error) {
      checkEnd = true;
      throw error;
    } finally {
      closeSync(fd);
    }
  }

  function rotateIfFull(bytes: number): void {
    const size = sizeOf(path);
    if (size === 0 || size + bytes <= maxBytes) return;
    const lock = `${path}.lock`;
    if (!takeLock(lock)) return; // Another process rotates; this line may go past the limit.
    try {
      if (sizeOf(path) + bytes <= maxBytes) return;
      for (let n = files - 1; n >= 1; n -= 1) moveOver(n === 1 ? path : `${path}.${n - 1}`, `${path}.${n}`);
    } finally {
      rmdirSync(lock);
    }
  }

  /** Writes what waited, oldest first; throws at the first line that is refused. */
  function drain(): void {
    if (waiting.length === 0 && unreported === 0) return;
    while (waiting.length > 0) {
      const line = waiting[0] ?? '';
      append(line);
      waiting.shift();
      waitingBytes -= Buffer.byteLength(line);
    }
    counts.waiting = 0;
    process.off('exit', flush);
    if (unreported > 0) {
      append(options.lostLine(unreported, reason));
      unreported = 0;
    }
  }

  function flush(): void {
    try {
      drain();
    } catch (error) {
      problem(error);
    }
    counts.waiting = waiting.length;
  }

  return {
    counts,
    flush,
    write(line) {
      try {
        rotateIfFull(Buffer.byteLength(line));
      } catch (error) {
        problem(error); // The file grows past its size, which is better than a lost line.
      }
      try {
        drain();
        append(line);
      } catch (error) {
        problem(error);
        keep(line);
      }
    },
  };
}

function openForAppend(path: string): number {
  try {
    return openSync(path, APPEND, 0o600);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    mkdirSync(dirname(path), { recursive: true });
    return openSync(path, APPEND, 0o600);
  }
}

/** Appends all of it or, as far as nobody else has written since, nothing. */
function appendWhole(fd: number, bytes: Buffer, size: number): void {
  let written = 0;
  try {
    while (written < bytes.length) written += writeSync(fd, bytes, written);
  } catch (error) {
    if (written > 0 && fstatSync(fd).size === size + written) ftruncateSync(fd, size);
    throw error;
  }
}

function lastByte(fd: number, size: number): number | undefined {
  const byte = Buffer.alloc(1);
  return readSync(fd, byte, 0, 1, size - 1) === 1 ? byte[0] : undefined;
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function moveOver(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

function takeLock(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
  const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs;
  if (since !== undefined && Date.now() - since > STALE_LOCK_MS) rmdirSync(lock);
  return false;
}
