/** The few asynchronous file operations of the index, on plain descriptors. */
import { close, fdatasync, fstatSync, open, write } from 'node:fs';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { MailboxError } from '../core/errors.js';
import { readFully } from './lines.js';

export const openFile = promisify(open);
export const closeFile = promisify(close);
export const syncData = promisify(fdatasync);

const writeSome = promisify(write) as (
  file: number,
  buffer: Buffer,
  offset: number,
  length: number,
  position: number,
) => Promise<{ bytesWritten: number }>;

/** Writes all bytes at a position of an open file. */
export async function writeFully(file: number, bytes: Buffer, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    done += (await writeSome(file, bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

/** Copies the bytes `start` to `end` of one open file to a position of another. */
export async function copyRange(from: number, start: number, end: number, to: number, position: number): Promise<void> {
  const buffer = Buffer.allocUnsafe(Math.min(64 * 1024, Math.max(1, end - start)));
  for (let at = start; at < end; ) {
    const length = Math.min(buffer.length, end - at);
    if (readFully(from, buffer, length, at) < length) throw new MailboxError('failed', 'the journal was cut short');
    await writeFully(to, buffer.subarray(0, length), position + at - start);
    at += length;
  }
}

/** Whether a path still leads to a file that we have open. */
export async function isSameFile(path: string, file: number | undefined): Promise<boolean> {
  if (file === undefined) return false;
  try {
    const there = await stat(path);
    const own = fstatSync(file);
    return there.ino === own.ino && there.dev === own.dev;
  } catch {
    return false;
  }
}
