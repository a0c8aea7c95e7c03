/**
 * Archiving: old finished messages go from the root into a git bundle. The bundle is written, synced, read back and
 * compared file by file before the first message is removed; each is compared once more when it is, and stays when
 * somebody changed it meanwhile. A crash at any moment leaves a message in the root, in the bundle, or in both.
 */
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { MailboxError } from '../../core/errors.js';
import { openBareRepository, readBundle, writeBundle } from '../../git/bundle.js';
import { blobOid, type Objects, type TreeEntry } from '../../git/objects.js';
import { findEntry } from '../../git/trees.js';
import { diskFault, readRegular, removeQuietly } from '../../store/durable.js';
import type { Desk } from '../find.js';
import { MAX_FILE_BYTES } from '../locate.js';
import { chooseTarget, placeBundle, sweepArchives, temporaryBundle, withWorkFolder } from './archives.js';
import { collectOld, type Left, type OldMessage } from './collect.js';
import { readFinishedHead } from './ended-at.js';
import { takeOut } from './take-out.js';

export interface ArchiveRequest {
  /** ms since its end. */
  olderThan: number;
  /** Absolute path of the new bundle, or of a folder for it; the host's own folder where it is not given. */
  to?: string;
  /** Only of this mailbox. */
  mailbox?: string;
  /** Nothing is written or removed. */
  dryRun?: boolean;
  /** Called when the bundle stands at its place and nothing was removed yet. */
  onWritten?: (file: string) => void;
}

export interface ArchiveReport {
  /** Undefined where there was nothing to archive, or in a dry run. */
  file: string | undefined;
  /** In the archive and out of the root. */
  messages: OldMessage[];
  /** Still in the root, though old enough. */
  left: Left[];
}

/** Throws `conflict` for a target that is there, `not_found` for an unknown mailbox, `failed` when the bundle does not read back. */
export async function archiveOld(desk: Desk, request: ArchiveRequest): Promise<ArchiveReport> {
  const root = desk.root.dir;
  const target = chooseTarget(root, request.to);
  const { old, left } = await collectOld(root, desk.clock.now() - request.olderThan, request.mailbox);
  if (request.dryRun || old.length === 0) return { file: undefined, messages: old, left };
  sweepArchives(root);
  mkdirSync(target.dir, { recursive: true, mode: 0o700 });
  const temp = temporaryBundle(target.dir);
  const archived = new Map<string, string>();
  let messages: OldMessage[] = [];
  let file: string;
  try {
    await withWorkFolder(root, async (work) => {
      await using objects = await openBareRepository(work);
      const entries = new Map<string, TreeEntry>();
      messages = await store(root, objects, old, entries, left);
      for (const [path, { oid }] of entries) archived.set(path, oid);
      const message = `archive: ${messages.length} messages\n\nMailboxd-Host: ${desk.root.config.host}\n`;
      if (entries.size > 0)
        await writeBundle(work, objects, entries, { message, time: desk.clock.now() / 1_000 }, temp);
    });
    if (messages.length === 0) return { file: undefined, messages, left };
    syncFile(temp);
    await withWorkFolder(root, (work) => compare(work, temp, archived));
    file = await placeBundle(temp, target.dir, target.name, new Date(desk.clock.now()).toISOString().slice(0, 10));
  } finally {
    removeQuietly(temp);
  }
  request.onWritten?.(file);
  const out: OldMessage[] = [];
  for (const message of messages) {
    const reason = await takeOut(desk, message, archived);
    if (reason === undefined) out.push(message);
    else left.push({ path: message.path, reason: `${reason}; the archive has it as it was` });
  }
  return { file, messages: out, left };
}

/** Writes each file as it is now into the repository; a message that is not what it was a moment ago is left. */
async function store(
  root: string,
  objects: Objects,
  old: readonly OldMessage[],
  entries: Map<string, TreeEntry>,
  left: Left[],
): Promise<OldMessage[]> {
  const stored: OldMessage[] = [];
  for (const message of old) {
    const own = new Map<string, TreeEntry>();
    let isSame = true;
    for (const path of [message.path, ...message.attachments]) {
      const found = readRegular(join(root, path), MAX_FILE_BYTES);
      if (path === message.path && found) {
        const head = readFinishedHead(found.bytes, path);
        isSame &&= head.id === message.id && head.ended === message.ended && !head.isClaimed;
      }
      isSame &&= found !== undefined;
      if (!found || !isSame) break;
      const oid = await objects.writeBlob(found.bytes);
      if (oid !== blobOid(found.bytes)) throw notTheSame(path);
      own.set(path, { mode: found.mode & 0o100 ? '100755' : '100644', oid });
    }
    if (isSame) {
      stored.push(message);
      for (const [path, entry] of own) entries.set(path, entry);
    } else left.push({ path: message.path, reason: 'it was changed, moved or deleted meanwhile' });
    await breathe();
  }
  return stored;
}

/** Reads the bundle into a repository that has nothing else, and compares every file. */
async function compare(work: string, file: string, archived: ReadonlyMap<string, string>): Promise<void> {
  const bundle = await readBundle(work, file, MAX_FILE_BYTES);
  await using objects = bundle.objects;
  for (const [path, oid] of archived) {
    const entry = await findEntry(objects, bundle.tree, path);
    if (entry?.oid !== oid || blobOid(await objects.readBlob(oid)) !== oid) throw notTheSame(path);
  }
}

function notTheSame(path: string): MailboxError {
  return new MailboxError('failed', `the archive did not read back what was written for ${path}`, {
    hint: 'nothing was removed; check the disk, then archive again',
  });
}

function syncFile(path: string): void {
  try {
    const file = openSync(path, 'r+');
    try {
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    chmodSync(path, statSync(path).mode & 0o600);
  } catch (error) {
    throw diskFault(error, `writing ${path}`);
  }
}
