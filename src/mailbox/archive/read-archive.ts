/** What an archive holds. Its bytes are a stranger's: everything is checked before anything is believed, or written. */
import { MailboxError } from '../../core/errors.js';
import type { Place } from '../../core/message.js';
import { listTree, readBundle } from '../../git/bundle.js';
import type { Objects, TreeEntry } from '../../git/objects.js';
import { MAX_FILE_BYTES } from '../locate.js';
import { recordFromHead } from '../record.js';
import { isArchivedFolder, parseArchivedPath, pathOfPlace } from './archive-path.js';
import { withWorkFolder } from './archives.js';
import { readFinishedHead } from './ended-at.js';

export interface ArchivedMessage {
  place: Place;
  /** Below the root, with `/`. */
  path: string;
  id: string | undefined;
  /** ms since 1970. */
  ended: number | undefined;
  from: string;
  subject: string;
  /** Paths of files attached to it. */
  attachments: string[];
}

export interface Archive {
  objects: Objects;
  messages: ArchivedMessage[];
  /** Every file, by path. */
  files: ReadonlyMap<string, TreeEntry>;
}

/** Reads the bundle at `file` (absolute) and hands it to `use`. Throws `invalid` or `refused`, with nothing written. */
export async function withArchive<T>(root: string, file: string, use: (archive: Archive) => Promise<T>): Promise<T> {
  return withWorkFolder(root, async (work) => {
    const bundle = await readBundle(work, file, MAX_FILE_BYTES);
    await using objects = bundle.objects;
    const files = await listTree(objects, bundle.tree, (path, kind) => {
      const isFine = kind === 'folder' ? isArchivedFolder(path) : kind === 'file' && parseArchivedPath(path);
      if (!isFine) throw refusal(file, path, kind);
    });
    return await use({ objects, files, messages: await readMessages(objects, files) });
  });
}

function refusal(file: string, path: string, kind: 'folder' | 'file' | 'other'): MailboxError {
  const what = kind === 'other' ? `the link or repository ${JSON.stringify(path.slice(0, 200))}` : undefined;
  return new MailboxError('refused', `${file} holds ${what ?? JSON.stringify(path.slice(0, 200))}`, {
    hint: 'nothing was written; an archive holds mailboxes/*/complete, mailboxes/*/failed and attachments/ alone',
  });
}

async function readMessages(objects: Objects, files: ReadonlyMap<string, TreeEntry>): Promise<ArchivedMessage[]> {
  const messages: ArchivedMessage[] = [];
  const attached = new Map<string, string[]>();
  for (const [path, entry] of files) {
    const parsed = parseArchivedPath(path);
    if (parsed?.kind === 'attachment') attached.set(parsed.id, [...(attached.get(parsed.id) ?? []), path]);
    if (parsed?.kind !== 'message') continue;
    const bytes = await objects.readBlob(entry.oid);
    const { place } = parsed;
    const { id, ended } = readFinishedHead(bytes, place.name);
    const { from, subject } = recordFromHead(place, bytes, { size: bytes.length, mtimeMs: ended ?? 0 });
    messages.push({ place, path: pathOfPlace(place), id, ended, from, subject, attachments: [] });
  }
  for (const message of messages) message.attachments = (message.id && attached.get(message.id)) || [];
  return messages.toSorted((a, b) => (a.ended ?? 0) - (b.ended ?? 0) || (a.path < b.path ? -1 : 1));
}
