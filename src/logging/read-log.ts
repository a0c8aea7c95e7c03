import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { systemCode } from '../core/errors.js';
import { logFileOf } from './logger.js';

/** How far back in one file is looked for lines, bytes. */
const MAX_READ = 1024 * 1024;

/** The last `count` whole lines of the log, oldest first, also from the file before a rotation. [] when there is none. */
export function readLastLines(dir: string, count: number): string[] {
  const path = logFileOf(dir);
  let lines: string[] = [];
  for (const file of [path, `${path}.1`]) {
    if (lines.length < count) lines = [...tailOf(file), ...lines];
  }
  return count <= 0 ? [] : lines.slice(-count);
}

function tailOf(path: string): string[] {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
  try {
    const { size } = fstatSync(fd);
    const start = Math.max(0, size - MAX_READ);
    const bytes = Buffer.alloc(size - start);
    const read = readSync(fd, bytes, 0, bytes.length, start);
    const lines = bytes.toString('utf8', 0, read).split('\n');
    if (start > 0) lines.shift(); // Most likely the rest of a line.
    return lines.filter((line) => line !== '');
  } finally {
    closeSync(fd);
  }
}
