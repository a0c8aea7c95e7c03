/** Compares the rows with what is in the folders: what is new or changed is to be read, what is gone goes. */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  opendirSync,
  openSync,
  type Dir,
  type Dirent,
  type Stats,
} from 'node:fs';
import { sep } from 'node:path';
import { STATES, type Place, type State } from '../core/message.js';
import { systemCode } from '../core/errors.js';
import { isMessageFileName } from '../core/names.js';
import { diskFault } from '../store/durable.js';
import { listMailboxes } from '../store/list.js';
import { stateDir } from '../store/paths.js';
import { readFully } from './lines.js';
import { F64, U32 } from './rows.js';
import type { Table } from './table.js';

export interface FolderEntry {
  /** With the month folder before it, if it is in one. */
  name: string;
  /** As `fs.Stats.mtimeMs` and `size` have them. An entry without them is taken to be unchanged when it is known. */
  mtime?: number;
  size?: number;
  /** Where it is, when the lister knows: saves building the path again. */
  path?: string;
}

export interface FolderListing {
  mailbox: string;
  state: State;
  entries: Iterable<FolderEntry>;
}

/** Lets others have the event loop when it was held for some milliseconds. */
export class Breath {
  #since = performance.now();

  get isDue(): boolean {
    return performance.now() - this.#since > 5;
  }

  async take(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#since = performance.now();
  }
}

/**
 * Calls `onChanged` for each entry that is new or differs, and `onGone` for the slot of each message that is not
 * listed: of any folder or, with `partial`, of the listed folders. What changed in the table meanwhile is left alone.
 */
export async function reconcileFolders(
  table: Table,
  folders: Iterable<FolderListing>,
  options: { partial: boolean; onChanged(place: Place, path: string | undefined): void; onGone(slot: number): void },
): Promise<void> {
  const { rows } = table;
  const begun = table.stamp;
  const seen = new Uint8Array(rows.used);
  const listed: Pick<Place, 'mailbox' | 'state'>[] = [];
  const breath = new Breath();
  for (const { mailbox, state, entries } of folders) {
    listed.push({ mailbox, state });
    for (const entry of entries) {
      const place = { mailbox, state, name: entry.name };
      const slot = table.find(place);
      if (slot !== -1 && slot < seen.length) seen[slot] = 1;
      if (slot === -1 || isChanged(table, slot, entry)) options.onChanged(place, entry.path);
      if (breath.isDue) await breath.take();
    }
  }
  const swept = options.partial ? new Set(listed.map((each) => each.mailbox + '/' + each.state)) : undefined;
  for (let slot = 0; slot < seen.length; slot++) {
    if (seen[slot] === 1 || !rows.isLive(slot) || rows.u32(slot, U32.stamp) > begun) continue;
    if (swept && !swept.has(table.mailboxes.text(rows.u32(slot, U32.mailbox)) + '/' + table.state(slot))) continue;
    options.onGone(slot);
    if (breath.isDue) await breath.take();
  }
}

function isChanged(table: Table, slot: number, entry: FolderEntry): boolean {
  const { rows } = table;
  if (entry.mtime !== undefined && rows.f64(slot, F64.mtime) !== entry.mtime) return true;
  return entry.size !== undefined && rows.u32(slot, U32.size) !== entry.size >>> 0;
}

/**
 * Every message file of a root, folder by folder. Links, devices and folders are none. With `quick`, finished messages
 * come by name alone.
 */
export function* listRoot(root: string, quick: boolean): Generator<FolderListing> {
  for (const mailbox of listMailboxes(root)) {
    for (const state of STATES) {
      yield { mailbox, state, entries: listFolder(stateDir(root, mailbox, state), state, quick) };
    }
  }
}

/** One object for all entries, and a look at the file only when somebody asks for it: this runs over every message. */
class DiskEntry implements FolderEntry {
  name = '';
  path = '';
  readonly #byName: boolean;
  #stat: Stats | undefined;

  constructor(byName: boolean) {
    this.#byName = byName;
  }

  at(name: string, path: string): this {
    this.name = name;
    this.path = path;
    this.#stat = undefined;
    return this;
  }

  get mtime(): number | undefined {
    return this.#look()?.mtimeMs;
  }

  get size(): number | undefined {
    return this.#look()?.size;
  }

  #look(): Stats | undefined {
    return this.#byName ? undefined : (this.#stat ??= lstatSync(this.path, { throwIfNoEntry: false }));
  }
}

function* listFolder(path: string, state: State, quick: boolean): Generator<FolderEntry> {
  const isFinished = state === 'complete' || state === 'failed';
  const entry = new DiskEntry(quick && isFinished);
  for (const item of readFolder(path)) {
    if (item.isFile()) {
      if (isMessageFileName(item.name)) yield entry.at(item.name, `${path}${sep}${item.name}`);
    } else if (item.isDirectory() && isFinished && MONTH.test(item.name)) {
      for (const old of readFolder(`${path}${sep}${item.name}`)) {
        if (!old.isFile() || !isMessageFileName(old.name)) continue;
        yield entry.at(`${item.name}/${old.name}`, `${path}${sep}${item.name}${sep}${old.name}`);
      }
    }
  }
}

const MONTH = /^\d{4}-\d{2}$/;

/** A folder's entries, as they come: an array of 100,000 names would stay in memory for longer than it is needed. */
function* readFolder(path: string): Generator<Dirent> {
  let folder: Dir;
  try {
    folder = opendirSync(path, { bufferSize: 256 });
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return;
    throw diskFault(error, `listing ${path}`);
  }
  try {
    for (let item = folder.readSync(); item; item = folder.readSync()) yield item;
  } finally {
    folder.closeSync();
  }
}

/** Bytes of a message file that its record is made from. */
const HEAD_BYTES = 64 * 1024;
const head = Buffer.allocUnsafeSlow(HEAD_BYTES);
const OPEN = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** A message file's first 64 KiB, in a Buffer that the next call overwrites; undefined when there is no such file. */
export function readHead(path: string): { bytes: Buffer; stat: Stats } | undefined {
  let file: number;
  try {
    file = openSync(path, OPEN);
  } catch (error) {
    const code = systemCode(error);
    // ELOOP: a link. ENXIO: a socket.
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'ENOTDIR' || code === 'ENXIO') return undefined;
    throw error;
  }
  try {
    const stat = fstatSync(file);
    return stat.isFile()
      ? { bytes: head.subarray(0, readFully(file, head, Math.min(stat.size, HEAD_BYTES), 0)), stat }
      : undefined;
  } finally {
    closeSync(file);
  }
}
