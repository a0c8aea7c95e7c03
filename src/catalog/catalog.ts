/**
 * The catalog: what is known of every message of a root, for lists, look-ups and counts. It is derived. The folders are
 * the truth; `sync` brings the catalog in line with them, at the cost of a look at each file and a read of each changed
 * one. Its files, `.mailboxd/index.json` and `index.journal`, may be deleted at any time.
 *
 *   put/remove ─▶ row in memory, line in the tail ─(20 ms)─▶ index.journal ─(when it has grown)─▶ index.json
 *
 * One process writes them; every other one reads them, and keeps what it learns to itself.
 */
import type { Stats } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { MailboxError, messageOf } from '../core/errors.js';
import { STATES, type Place, type State } from '../core/message.js';
import { messagePath } from '../store/paths.js';
import { closeLines, loadIndex, type Loaded } from './load.js';
import { acquireLock, OWN_IDENTITY, type Identity, type Lock } from './lock.js';
import { listSlots, recordOf, slotsWithFingerprint, slotsWithPrefix, type ListFilter, type Listing } from './query.js';
import { listRoot, readHead, reconcileFolders, type FolderListing } from './reconcile.js';
import type { CatalogRecord } from './record.js';
import { SpendingWindow } from './spending.js';
import { computeStats, type CatalogStats, type Spending } from './stats.js';
import { Writer } from './writer.js';

/** Makes a record of a message file. `bytes` are its first 64 KiB, valid during the call. Must not throw. */
export type ToRecord = (place: Place, bytes: Buffer, stat: Stats) => CatalogRecord;

export interface CatalogOptions {
  /** `write` is granted to one process at a time; see `Catalog.mode`. */
  mode: 'write' | 'read';
  toRecord: ToRecord;
  /** By default the folder that `dir` is in. */
  root?: string;
  /** How processes are told apart; by default from /proc. */
  identity?: Identity;
  /** Told when the index cannot be written or was found damaged. Nothing is lost by either. */
  onProblem?: (error: MailboxError) => void;
}

/**
 * Opens the index in `dir` (`<root>/.mailboxd`). One that is missing, damaged or of another version opens empty: call
 * `sync` afterwards.
 */
export async function openCatalog(dir: string, options: CatalogOptions): Promise<Catalog> {
  const identity = options.identity ?? OWN_IDENTITY;
  const lock = options.mode === 'write' ? await acquireLock(dir, identity) : undefined;
  try {
    const loaded = loadIndex(dir, lock ? 'write' : 'read');
    return new Catalog(resolve(dir), loaded, options, lock, () => acquireLock(dir, identity));
  } catch (error) {
    lock?.release();
    throw error;
  }
}

export class Catalog {
  /** How the index was found. */
  readonly found: 'whole' | 'missing' | 'damaged' | 'version';
  readonly #root: string;
  readonly #options: CatalogOptions;
  readonly #loaded: Loaded;
  readonly #writer: Writer | undefined;
  readonly #spending: SpendingWindow;

  constructor(
    dir: string,
    loaded: Loaded,
    options: CatalogOptions,
    lock: Lock | undefined,
    relock: () => Promise<Lock | undefined>,
  ) {
    this.#root = options.root ?? dirname(dir);
    this.#options = options;
    this.#loaded = loaded;
    this.found = typeof loaded.snapshot !== 'string' || loaded.journal ? 'whole' : loaded.snapshot;
    this.#spending = new SpendingWindow(loaded.table);
    const onProblem = (error: MailboxError): void => options.onProblem?.(error);
    if (lock) this.#writer = new Writer({ dir, loaded, lock, relock, onProblem });
  }

  /** `read` when it was asked for, or while another process holds the index. */
  get mode(): 'write' | 'read' {
    return this.#writer?.isHolder ? 'write' : 'read';
  }

  get size(): number {
    return this.#loaded.table.size;
  }

  /** Enters a record in the place of the one there was. */
  put(record: CatalogRecord): void {
    const { table, lines } = this.#loaded;
    table.put(record, lines.tail.add('p', JSON.stringify(record)));
    this.#writer?.changed();
  }

  /** Takes a message out; false when there was none in that place. */
  remove(place: Place): boolean {
    const slot = this.#loaded.table.find(place);
    if (slot !== -1) this.#removeSlot(slot, place);
    return slot !== -1;
  }

  get(place: Place): CatalogRecord | undefined {
    const slot = this.#loaded.table.find(place);
    if (slot === -1) return undefined;
    return this.#recordAt(slot) ?? this.refresh(place);
  }

  hasId(id: string): boolean {
    return !this.#loaded.table.withId(id).next().done;
  }

  /** Messages with exactly this id, in these states, one by one: their cost does not grow with the catalog. */
  *withId(id: string, states: readonly State[] = STATES): Generator<CatalogRecord> {
    const { table } = this.#loaded;
    for (const slot of [...table.withId(id)]) {
      const record = states.includes(table.state(slot)) ? this.#recordAt(slot) : undefined;
      if (record?.id === id) yield record;
    }
  }

  /** Messages whose id is `prefix`, then those whose id begins with it, newest first; at most `limit` (20). */
  findById(prefix: string, limit = 20): CatalogRecord[] {
    if (prefix === '') return [];
    const found = this.#recordsAt(slotsWithPrefix(this.#loaded.table, prefix, limit));
    return found.filter((record) => record.id.startsWith(prefix));
  }

  /** Messages in `complete/` with this fingerprint, the latest change first. */
  findByFingerprint(fingerprint: string): CatalogRecord[] {
    const found = this.#recordsAt(slotsWithFingerprint(this.#loaded.table, fingerprint));
    return found.filter((record) => record.fingerprint === fingerprint);
  }

  list(filter: ListFilter = {}): Listing {
    const { slots, total } = listSlots(this.#loaded.table, filter);
    const records = this.#recordsAt(slots);
    return {
      records: filter.thread === undefined ? records : records.filter((each) => each.thread === filter.thread),
      total,
    };
  }

  /** How many messages are in a folder. Costs nothing. */
  count(mailbox: string, state: State): number {
    return this.#loaded.table.count(mailbox, state);
  }

  stats(): CatalogStats {
    return computeStats(this.#loaded.table);
  }

  /**
   * What was spent by messages last changed at or after `since` (ms since 1970), for one sender or for all. The first
   * question for a `since` counts everything, the next ones for the same cost nothing.
   */
  spentSince(since: number, sender?: string): Spending {
    return this.#spending.since(since, sender);
  }

  /**
   * Takes a listing of the whole root or, with `partial`, of some folders of it. Drops what is not listed, and returns
   * the places that are new or changed.
   */
  async reconcile(folders: Iterable<FolderListing>, options: { partial?: boolean } = {}): Promise<Place[]> {
    const changed: Place[] = [];
    await reconcileFolders(this.#loaded.table, folders, {
      partial: options.partial ?? false,
      onChanged: (place) => changed.push(place),
      onGone: (slot) => this.#dropSlot(slot),
    });
    return changed;
  }

  /**
   * Looks at every message file of the root and reads those that are new or changed. Returns how many those were. With
   * `quick`, finished messages that are known are not looked at (0.3 s less for 100,000): an edit of one is seen by the
   * next sync without it.
   */
  async sync(options: { quick?: boolean } = {}): Promise<{ read: number; gone: number }> {
    const release = this.#writer?.hold();
    const done = { read: 0, gone: 0 };
    try {
      await reconcileFolders(this.#loaded.table, listRoot(this.#root, options.quick ?? false), {
        partial: false,
        onChanged: (place, path) => {
          if (this.#read(place, path)) done.read++;
        },
        onGone: (slot) => {
          done.gone++;
          this.#dropSlot(slot);
        },
      });
    } finally {
      release?.();
    }
    return done;
  }

  /** Reads one message file again; its record, or undefined when there is none any more. */
  refresh(place: Place): CatalogRecord | undefined {
    const record = this.#read(place);
    if (!record) this.remove(place);
    return record;
  }

  /** Settles when every change so far is in the journal. */
  async flush(): Promise<void> {
    await this.#writer?.flush();
  }

  /** Settles when every change so far is in the journal and no snapshot is being written. */
  async settled(): Promise<void> {
    await this.#writer?.settled();
  }

  async close(): Promise<void> {
    await this.#writer?.close();
    closeLines(this.#loaded.lines);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #read(place: Place, path = messagePath(this.#root, place)): CatalogRecord | undefined {
    try {
      const file = readHead(path);
      if (!file) return undefined;
      const record = this.#options.toRecord(place, file.bytes, file.stat);
      this.put(record);
      return record;
    } catch (cause) {
      this.#problem(`reading ${place.mailbox}/${place.state}/${place.name}: ${messageOf(cause)}`, cause);
      return undefined;
    }
  }

  #recordsAt(slots: number[]): CatalogRecord[] {
    return slots.map((slot) => this.#recordAt(slot)).filter((record) => record !== undefined);
  }

  /** Undefined for a text that somebody changed on the disk; the message is then found again by the next sync. */
  #recordAt(slot: number): CatalogRecord | undefined {
    const { table, lines } = this.#loaded;
    const record = recordOf(table, lines, slot);
    if (record) return record;
    table.remove(slot);
    this.#problem('found a damaged line in the index');
    return undefined;
  }

  #dropSlot(slot: number): void {
    const { table, lines } = this.#loaded;
    const record = recordOf(table, lines, slot);
    if (record) this.#removeSlot(slot, record);
    else table.remove(slot);
  }

  #removeSlot(slot: number, { mailbox, state, name }: Place): void {
    const { table, lines } = this.#loaded;
    table.remove(slot);
    lines.tail.add('r', JSON.stringify([mailbox, state, name]));
    this.#writer?.changed();
  }

  #problem(message: string, cause?: unknown): void {
    const hint = 'the index is derived: delete it, or sync, and it is built again';
    this.#options.onProblem?.(new MailboxError('failed', message, cause === undefined ? { hint } : { hint, cause }));
  }
}
