/**
 * The few ways bytes reach the disk. A file appears whole or not at all: written to a temporary name beside its
 * place, synced, then linked. `link` refuses an existing name where `rename` would overwrite it.
 */
import {
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  unlinkSync,
  closeSync,
  writeSync,
  fstatSync,
  ftruncateSync,
  readSync,
  fdatasync,
  fsync,
  unlink,
  writeFile,
  writeFileSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { MailboxError, messageOf, systemCode } from '../core/errors.js';
import { renamedFor } from '../core/names.js';
import { faultPoint } from './fault-points.js';

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
const READ = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
const APPEND = constants.O_WRONLY | constants.O_APPEND | (constants.O_NOFOLLOW ?? 0);

/** Prefix of names that hold unfinished writes; the sweep at start removes old ones. */
export const TEMP_PREFIX = '.tmp~';

const ADVICE: Record<string, string> = {
  ENOSPC: 'the disk is full: free some space; the message stays where it is and is tried again',
  EDQUOT: 'the disk quota is used up: free some space; the message stays where it is and is tried again',
  EACCES: 'permission is missing: give this user write access to the folder',
  EPERM: 'permission is missing: give this user write access to the folder',
  EROFS: 'the file system is read-only: mount it for writing',
  EMFILE: 'too many files are open: raise the limit with `ulimit -n`',
  ENFILE: 'the machine has too many open files: close some programs',
  EIO: 'the disk reports an error: check it before anything else',
};

/** A system error as a fault that says what was tried, where, and what to do. */
export function diskFault(error: unknown, doing: string): MailboxError {
  if (error instanceof MailboxError) return error;
  const code = systemCode(error) ?? '';
  const hint = ADVICE[code];
  return new MailboxError('unavailable', `${doing}: ${messageOf(error)}`, { cause: error, ...(hint && { hint }) });
}

export function randomSuffix(): string {
  return BigInt(`0x${randomBytes(8).toString('hex')}`)
    .toString(36)
    .slice(0, 10)
    .padStart(10, '0');
}

/** What identifies one state of one file: same stamp, same bytes. */
export interface Stamp {
  ino: bigint;
  size: bigint;
  mtimeNs: bigint;
}

export function stampOf(path: string): Stamp | undefined {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stat && { ino: stat.ino, size: stat.size, mtimeNs: stat.mtimeNs };
}

export function sameStamp(a: Stamp | undefined, b: Stamp | undefined): boolean {
  return a !== undefined && b !== undefined && a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs;
}

/**
 * The bytes of a regular file and their stamp; undefined when there is none. Never follows a link and never waits on
 * a fifo. Throws `invalid` for anything but a regular file, or for one above `max` bytes.
 */
export function readRegular(path: string, max: number): { bytes: Buffer; stamp: Stamp; mode: number } | undefined {
  let fd: number;
  try {
    fd = openSync(path, READ);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return undefined;
    if (code === 'ELOOP')
      throw new MailboxError('invalid', 'found a symbolic link, expected a regular file', {
        hint: 'put the file itself here',
      });
    if (code === 'ENXIO') throw new MailboxError('invalid', 'found a socket or fifo, expected a regular file');
    throw diskFault(error, `reading ${basename(path)}`);
  }
  try {
    const stat = fstatSync(fd, { bigint: true });
    if (!stat.isFile()) throw new MailboxError('invalid', 'found a folder or a device, expected a regular file');
    if (stat.size > BigInt(max)) {
      throw new MailboxError('invalid', `found ${stat.size} bytes, expected at most ${max}`, {
        hint: 'send large data as an attachment',
      });
    }
    const bytes = Buffer.allocUnsafe(Number(stat.size));
    let length = 0;
    while (length < bytes.length) {
      const count = readSync(fd, bytes, length, bytes.length - length, length);
      if (count === 0) break;
      length += count;
    }
    return {
      bytes: bytes.subarray(0, length),
      stamp: { ino: stat.ino, size: stat.size, mtimeNs: stat.mtimeNs },
      mode: Number(stat.mode) & 0o777,
    };
  } finally {
    closeSync(fd);
  }
}

const syncData = promisify(fdatasync);
const syncAll = promisify(fsync);
const writeLarge = promisify(writeFile);
const unlinkLater = promisify(unlink);

/** A larger content is written off the event loop, bytes. */
const LARGE = 256 * 1024;

/**
 * Writes a temporary file in `dir`, synced. The caller links it into place and unlinks it. Only what waits for the disk
 * is left to the thread pool: handing over the rest, too, costs more than doing it.
 */
export async function writeTemp(dir: string, bytes: Uint8Array | string, mode = 0o644): Promise<string> {
  const path = join(dir, `${TEMP_PREFIX}${process.pid}~${randomSuffix()}`);
  let fd: number | undefined;
  try {
    mustBeFolder(dir);
    fd = openSync(path, CREATE, mode);
    if (bytes.length > LARGE) await writeLarge(fd, bytes);
    else writeFileSync(fd, bytes);
    await syncData(fd);
  } catch (error) {
    if (fd !== undefined) removeQuietly(path);
    throw diskFault(error, `writing to ${dir}`);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
  return path;
}

/** Makes a folder that is missing (git keeps none that is empty). Throws `unavailable` for a link: it may lead anywhere. */
export function mustBeFolder(dir: string): void {
  const stat = lstatSync(dir, { throwIfNoEntry: false });
  if (!stat) mkdirSync(dir, { recursive: true });
  else if (!stat.isDirectory()) {
    throw new MailboxError('unavailable', `${dir} is ${stat.isSymbolicLink() ? 'a symbolic link' : 'no folder'}`, {
      hint: 'put a folder in its place: nothing is read or written through a link',
    });
  }
}

/** Links `from` to `dir/name`, or to a name derived from it when that is taken; the name that it got. */
export function linkUnique(from: string, dir: string, name: string): string {
  let wanted = name;
  for (let tries = 0; tries < 100; tries += 1) {
    try {
      linkSync(from, join(dir, wanted));
      return wanted;
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENAMETOOLONG') wanted = renamedFor(name, randomSuffix().slice(0, 4));
      else if (code === 'EEXIST') wanted = renamedFor(name, randomSuffix().slice(0, 4));
      else throw diskFault(error, `placing ${name} in ${dir}`);
    }
  }
  throw new MailboxError('failed', `found no free name for ${name} in ${dir}`);
}

export function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw diskFault(error, `removing ${basename(path)}`);
  }
}

/** The same, by the thread pool: an unlink may wait for a commit of the file system's journal. */
export async function removeSoon(path: string): Promise<void> {
  try {
    await unlinkLater(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw diskFault(error, `removing ${basename(path)}`);
  }
}

/** Appends to a file that must exist. False when it is not there any more (moved, deleted). Throws `unavailable`. */
export function appendExisting(path: string, text: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, APPEND);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw diskFault(error, `appending to ${basename(path)}`);
  }
  const bytes = Buffer.from(text);
  const before = fstatSync(fd).size;
  let at = 0;
  try {
    if (faultPoint) {
      at = writeSync(fd, bytes, 0, Math.ceil(bytes.length / 2));
      faultPoint('mid-append');
    }
    while (at < bytes.length) at += writeSync(fd, bytes, at);
    return true;
  } catch (error) {
    takeBack(fd, before, at);
    throw diskFault(error, `appending to ${basename(path)}`);
  } finally {
    closeSync(fd);
  }
}

/** Takes back the part of a piece that was still written, so that the whole can be written again. */
function takeBack(fd: number, before: number, count: number): void {
  try {
    if (count > 0 && fstatSync(fd).size === before + count) ftruncateSync(fd, before);
  } catch {
    // The disk refuses everything; what stands there is a beginning of the piece.
  }
}

const syncing = new Map<string, { running: Promise<void>; next: Promise<void> | undefined }>();

/**
 * Makes the names in a folder durable. Calls that come while one sync is running share the next one.
 * Folders cannot be synced on Windows; there it does nothing.
 */
export function syncFolder(dir: string): Promise<void> {
  const current = syncing.get(dir);
  if (!current) {
    const entry: { running: Promise<void>; next: Promise<void> | undefined } = {
      running: syncNow(dir),
      next: undefined,
    };
    syncing.set(dir, entry);
    const done = (): void => {
      if (syncing.get(dir) === entry && !entry.next) syncing.delete(dir);
    };
    entry.running.then(done, done);
    return entry.running;
  }
  current.next ??= current.running
    .catch(() => undefined)
    .then(() => {
      syncing.delete(dir);
      return syncFolder(dir);
    });
  return current.next;
}

async function syncNow(dir: string): Promise<void> {
  let fd: number | undefined;
  try {
    fd = openSync(dir, 'r');
    await syncAll(fd);
  } catch (error) {
    if (process.platform !== 'win32' && systemCode(error) !== 'EINVAL') throw diskFault(error, `syncing ${dir}`);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Replaces a host-local, derived file atomically; not for messages. */
export async function replaceFile(path: string, bytes: Uint8Array | string, mode = 0o644): Promise<void> {
  const { rename } = await import('node:fs/promises');
  const temp = await writeTemp(dirname(path), bytes, mode);
  try {
    await rename(temp, path);
  } catch (error) {
    removeQuietly(temp);
    throw diskFault(error, `writing ${basename(path)}`);
  }
}

/** Writes a host-local, derived file, and makes its folder when that is not there (any more). Throws what the system says. */
export function writeBeside(path: string, text: string, write: (path: string, text: string) => void): void {
  try {
    write(path, text);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    mkdirSync(dirname(path), { recursive: true });
    write(path, text);
  }
}
