/** The host's folder of archives, and what is found by name in it. */
import { linkSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { MailboxError, systemCode } from '../../core/errors.js';
import { diskFault, randomSuffix, syncFolder, TEMP_PREFIX } from '../../store/durable.js';
import { hostDir } from '../../store/paths.js';

export function archivesDir(root: string): string {
  return join(hostDir(root), 'archives');
}

/** Calls `use` with an empty folder of the host's own, which goes afterwards. */
export async function withWorkFolder<T>(root: string, use: (dir: string) => Promise<T>): Promise<T> {
  const dir = archivesDir(root);
  let work: string;
  try {
    mkdirSync(dir, { recursive: true });
    work = mkdtempSync(join(dir, '.work-'));
  } catch (error) {
    throw diskFault(error, `making a folder in ${dir}`);
  }
  try {
    return await use(work);
  } finally {
    rmSync(work, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** How old what a killed archive left must be to go, ms. */
const LEFT_OVER = 86_400_000;

/** Removes unfinished work of an earlier call that was killed; it is never the only copy of anything. */
export function sweepArchives(root: string): void {
  const dir = archivesDir(root);
  for (const name of namesIn(dir)) {
    const path = join(dir, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    const isWork = name.startsWith('.work-') || (name.startsWith(TEMP_PREFIX) && name.endsWith('.bundle'));
    if (isWork && stat && Date.now() - stat.mtimeMs > LEFT_OVER) rmSync(path, { recursive: true, force: true });
  }
}

/** Where a new archive is to stand: `wanted`, in the folder `wanted`, or in the host's own. Throws `conflict` where there is one. */
export function chooseTarget(root: string, wanted: string | undefined): { dir: string; name: string | undefined } {
  if (wanted === undefined) return { dir: archivesDir(root), name: undefined };
  const stat = lstatSync(wanted, { throwIfNoEntry: false });
  if (stat?.isDirectory()) return { dir: wanted, name: undefined };
  if (stat) {
    throw new MailboxError('conflict', `${wanted} is there already`, { hint: 'name a file that is not there yet' });
  }
  if (lstatSync(dirname(wanted), { throwIfNoEntry: false }) === undefined) {
    throw new MailboxError('not_found', `there is no folder ${dirname(wanted)}`, { hint: 'make it first' });
  }
  return { dir: dirname(wanted), name: basename(wanted) };
}

export function temporaryBundle(dir: string): string {
  return join(dir, `${TEMP_PREFIX}${process.pid}~${randomSuffix()}.bundle`);
}

/** Links the bundle at its place, `<date>-<n>.bundle` where it was given no name; never over another file. Its path. */
export async function placeBundle(temp: string, dir: string, name: string | undefined, date: string): Promise<string> {
  for (let n = 1; ; n += 1) {
    const path = join(dir, name ?? `${date}-${n}.bundle`);
    try {
      linkSync(temp, path);
    } catch (error) {
      if (systemCode(error) === 'EEXIST' && name === undefined) continue;
      if (systemCode(error) === 'EEXIST') throw new MailboxError('conflict', `${path} is there already`);
      throw diskFault(error, `placing ${path}`);
    }
    await syncFolder(dir);
    return path;
  }
}

export interface ArchiveFile {
  file: string;
  /** Bytes. */
  size: number;
}

/** The archives of this host, the oldest first. */
export function listArchives(root: string): ArchiveFile[] {
  const dir = archivesDir(root);
  return namesIn(dir)
    .filter((name) => name.endsWith('.bundle') && !name.startsWith('.'))
    .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map((name) => ({ file: join(dir, name), size: lstatSync(join(dir, name)).size }));
}

/** The bundle's absolute path, of a path relative to `cwd` or a name in the host's folder. Throws `not_found`. */
export function findArchive(root: string, given: string, cwd: string): string {
  for (const path of [resolve(cwd, given), resolve(archivesDir(root), given)]) {
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile()) return path;
  }
  throw new MailboxError('not_found', `found no archive ${given}`, {
    hint: '`mailboxd archive list` shows those of this host',
  });
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw diskFault(error, `listing ${dir}`);
  }
}
