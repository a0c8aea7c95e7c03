/** Bringing archived messages back to their places. A file that is there is never overwritten. */
import { linkSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { MailboxError, systemCode } from '../../core/errors.js';
import type { Place } from '../../core/message.js';
import { renamedFor } from '../../core/names.js';
import { makeMailbox } from '../../store/deliver.js';
import { diskFault, mustBeFolder, readRegular, removeSoon, syncFolder, writeTemp } from '../../store/durable.js';
import type { Desk } from '../find.js';
import { MAX_FILE_BYTES, readPlace } from '../locate.js';
import { parseArchivedPath, pathOfPlace } from './archive-path.js';
import { monthOf } from './ended-at.js';
import { withArchive, type Archive, type ArchivedMessage } from './read-archive.js';

export interface RestoreReport {
  /** Paths below the root that were written. */
  restored: string[];
  /** Those that were there already, byte for byte, in this place or in another. */
  skipped: string[];
  /** Those whose name another file has: they stand under the name `as`. */
  beside: { path: string; as: string }[];
}

/** Of all messages, or of the one that `id` (or the unique beginning of one) names. Throws `not_found` or `ambiguous`. */
export async function restoreArchive(desk: Desk, file: string, id?: string): Promise<RestoreReport> {
  return withArchive(desk.root.dir, file, async (archive) => {
    const report: RestoreReport = { restored: [], skipped: [], beside: [] };
    const wanted = id === undefined ? archive.messages : chooseById(archive.messages, id, file);
    const paths = new Set(wanted.flatMap((message) => message.attachments));
    // Files that no message of the archive names come back with the whole.
    if (id === undefined) for (const path of archive.files.keys()) if (isAttachment(path)) paths.add(path);
    for (const path of paths) await bringBack(desk, archive, path, report);
    for (const message of wanted) {
      const there = await findSame(desk, archive, message);
      if (there) report.skipped.push(pathOfPlace(there));
      else await bringBack(desk, archive, message.path, report);
    }
    return report;
  });
}

function isAttachment(path: string): boolean {
  return path.startsWith('attachments/');
}

function chooseById(messages: readonly ArchivedMessage[], id: string, file: string): ArchivedMessage[] {
  const exact = messages.filter((message) => message.id === id);
  if (exact.length > 0) return exact;
  const found = messages.filter((message) => message.id?.startsWith(id));
  const ids = [...new Set(found.map((message) => message.id))];
  if (ids.length === 1) return found;
  if (ids.length === 0) {
    throw new MailboxError('not_found', `${file} holds no message ${JSON.stringify(id.slice(0, 80))}`, {
      hint: '`mailboxd archive list FILE` shows the messages in it',
    });
  }
  throw new MailboxError('ambiguous', `${JSON.stringify(id)} is the beginning of ${ids.length} ids`, {
    hint: `give more of it: ${ids.slice(0, 4).join(', ')}`,
  });
}

/** Where the very message stands already, in its place or where retention, or a person, put it since. */
async function findSame(desk: Desk, archive: Archive, message: ArchivedMessage): Promise<Place | undefined> {
  const { place, ended } = message;
  const base = basename(place.name);
  const names = [place.name, base, ...(ended === undefined ? [] : [`${monthOf(ended)}/${base}`])];
  const elsewhere = message.id === undefined ? [] : [...desk.catalog.withId(message.id)];
  const entry = archive.files.get(message.path);
  const bytes = entry && (await archive.objects.readBlob(entry.oid));
  return [...names.map((name) => ({ ...place, name })), ...elsewhere].find(
    (other) => bytes && readPlace(desk.root.dir, other)?.equals(bytes),
  );
}

async function bringBack(desk: Desk, archive: Archive, path: string, report: RestoreReport): Promise<void> {
  const entry = archive.files.get(path);
  const parsed = parseArchivedPath(path);
  if (!entry || !parsed) return;
  const root = desk.root.dir;
  makeFolders(root, dirname(path));
  if (parsed.kind === 'message') makeMailbox(root, parsed.place.mailbox);
  const dir = join(root, dirname(path));
  const bytes = await archive.objects.readBlob(entry.oid);
  const temp = await writeTemp(dir, bytes, entry.mode === '100755' ? 0o755 : 0o644);
  try {
    for (const length of [0, 8, 40]) {
      const name = length === 0 ? basename(path) : besideName(basename(path), entry.oid.slice(0, length));
      const full = `${dirname(path)}/${name}`;
      if (tryLink(temp, join(dir, name))) {
        await syncFolder(dir);
        if (length === 0) report.restored.push(path);
        else report.beside.push({ path, as: full });
        const placed = parseArchivedPath(full);
        if (placed?.kind === 'message') desk.catalog.refresh(placed.place);
        return;
      }
      if (isSame(join(dir, name), bytes)) {
        report.skipped.push(full);
        return;
      }
    }
    throw new MailboxError('conflict', `${path} and every name beside it is taken by another file`);
  } finally {
    await removeSoon(temp);
  }
}

function besideName(name: string, suffix: string): string {
  if (name.endsWith('.md')) return renamedFor(name, suffix);
  const end = extname(name);
  return `${name.slice(0, name.length - end.length).slice(0, 100)}-${suffix}${end.slice(0, 20)}`;
}

/** Folder by folder from the root: none of them may be a link. */
function makeFolders(root: string, path: string): void {
  let dir = root;
  for (const part of path.split('/')) {
    dir = join(dir, part);
    mustBeFolder(dir);
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw diskFault(error, `placing ${to}`);
  }
}

function isSame(path: string, bytes: Buffer): boolean {
  try {
    return readRegular(path, MAX_FILE_BYTES)?.bytes.equals(bytes) === true;
  } catch {
    return false;
  }
}
