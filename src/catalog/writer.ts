/**
 * Brings changes to the disk, off the hot path: they gather for a moment, then go to the end of the journal in one
 * write; when the journal has grown to a quarter of the snapshot, a new snapshot is written beside it, in slices.
 *
 *   write index.json.new, sync ─▶ copy what came since into index.journal.new ─▶ rename snapshot ─▶ rename journal
 *
 * A crash before the first rename leaves the old pair, between the two a snapshot that names the old journal and how
 * far it contains it, after them the new pair.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { MailboxError, messageOf } from '../core/errors.js';
import { diskFault } from '../store/durable.js';
import { relocate, writeSnapshot, type WrittenSnapshot } from './compaction.js';
import { closeFile, copyRange, isSameFile, writeFully } from './disk.js';
import { headerText, type JournalHeader } from './journal.js';
import type { Lines } from './lines.js';
import { journalPath, snapshotPath, type Loaded } from './load.js';
import type { Lock } from './lock.js';
import type { Table } from './table.js';
import { Tail, type Chunk } from './tail.js';

/** How long changes gather, ms. */
const GATHER = 20;
/** A journal smaller than this is never worth a snapshot, bytes. */
const SMALL = 256 * 1024;
/** Changes held in memory before they are written in the caller's own time, bytes. */
const SPILL = 1024 * 1024;

export interface WriterOptions {
  dir: string;
  loaded: Loaded;
  lock: Lock;
  /** Takes the lock again after somebody removed the folder; undefined when another process has it now. */
  relock(): Promise<Lock | undefined>;
  onProblem(error: MailboxError): void;
}

export class Writer {
  readonly #options: WriterOptions;
  readonly #table: Table;
  readonly #lines: Lines;
  readonly #tail: Tail;
  #lock: Lock | undefined;
  #journal: JournalHeader;
  #generation: string | null;
  #snapshotBytes: number;
  #timer: NodeJS.Timeout | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #compaction: Promise<void> | undefined;
  readonly #abort = new AbortController();
  #swapping = false;
  /** No compaction below this size of the journal, after one that failed. */
  #notBefore = 0;
  #holds = 0;

  constructor(options: WriterOptions) {
    const { table, lines, journal, snapshot } = options.loaded;
    this.#options = options;
    this.#lock = options.lock;
    this.#table = table;
    this.#lines = lines;
    this.#tail = lines.tail;
    this.#generation = typeof snapshot === 'string' ? null : snapshot.header.generation;
    this.#snapshotBytes = typeof snapshot === 'string' ? 0 : snapshot.bytes;
    this.#journal = journal ?? { journal: newId(), of: this.#generation };
    if (journal) return;
    // A new file, not a truncated one: somebody may be reading the old.
    rmSync(journalPath(options.dir), { force: true });
    lines.journal = openSync(journalPath(options.dir), 'wx+', 0o600);
    this.#tail.add('h', headerText(this.#journal));
  }

  /** False once another process has taken over the index. */
  get isHolder(): boolean {
    return this.#lock !== undefined;
  }

  /** Something was added to the tail. */
  changed(): void {
    if (!this.#lock) return;
    if (this.#tail.end - this.#tail.start > SPILL) this.#spill();
    if (this.#timer) return;
    this.#timer = setTimeout(() => {
      this.flush().catch((error: unknown) => this.#report('writing the index', error));
    }, GATHER);
    this.#timer.unref();
  }

  /** Puts off new snapshots until the function it returns is called: many changes are coming. */
  hold(): () => void {
    this.#holds++;
    return () => {
      this.#holds--;
      this.changed();
    };
  }

  /** Settles when everything that was added so far is in the journal. @throws `unavailable` or `failed` by the disk */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      await this.#serially(() => this.#drain());
    } catch (error) {
      throw diskFault(error, 'writing the index');
    }
    if (this.#tail.end >= this.#notBefore && (await this.#isReplaced())) await this.#restore();
    else if (this.#isDue()) void this.#compact();
  }

  /** Ends in good order. A small index gets a new snapshot, so that what a person reads is what there is. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const isSmall = this.#snapshotBytes + this.#tail.end < 4 * SMALL;
    if (this.#generation !== null && !isSmall) this.#abort.abort();
    await this.#compaction;
    try {
      await this.#serially(() => this.#drain());
      const isNew = this.#generation === null || (isSmall && this.#tail.end > this.#headerBytes());
      if (this.#lock && isNew) await this.#compact();
    } catch (error) {
      this.#report('writing the index', error);
    }
    this.#lock?.release();
    this.#lock = undefined;
  }

  /** Settles when no snapshot is being written. */
  async settled(): Promise<void> {
    await this.flush();
    await this.#compaction;
  }

  #serially<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  /** Writes what there is now. What comes meanwhile waits for the next time, or a busy caller would keep us for ever. */
  async #drain(): Promise<void> {
    const { end } = this.#tail;
    for (let chunk = this.#tail.take(); this.#lock && chunk && chunk.at < end; chunk = this.#tail.take()) {
      await writeFully(this.#journalFile(), chunk.bytes.subarray(0, chunk.used), chunk.at);
      this.#tail.done(chunk);
    }
  }

  /** A caller that never lets go of the loop would fill the memory: its changes are written at once. */
  #spill(): void {
    if (this.#swapping) return;
    try {
      for (const chunk of this.#tail.full()) this.#writeNow(chunk);
    } catch (error) {
      this.#report('writing the index', error);
    }
  }

  #writeNow(chunk: Chunk): void {
    for (let done = 0; done < chunk.used; ) {
      done += writeSync(this.#journalFile(), chunk.bytes, done, chunk.used - done, chunk.at + done);
    }
    this.#tail.done(chunk);
  }

  #isDue(): boolean {
    if (this.#holds > 0 || !this.#lock || this.#tail.end < this.#notBefore) return false;
    return this.#generation === null || this.#tail.end > Math.max(SMALL, this.#snapshotBytes / 4);
  }

  #compact(): Promise<void> {
    this.#compaction ??= this.#writeSnapshot()
      .catch((error: unknown) => {
        // Somebody removed the folder under it: the next flush makes it anew.
        if (this.#abort.signal.aborted || !this.#lock?.isUp()) return;
        this.#notBefore = this.#tail.end + Math.max(SMALL, this.#tail.end);
        this.#report('writing the index', error);
      })
      .finally(() => {
        this.#compaction = undefined;
      });
    return this.#compaction;
  }

  async #writeSnapshot(): Promise<void> {
    const { dir } = this.#options;
    if (!(await this.#ensureLock())) return;
    const fresh = { snapshot: `${snapshotPath(dir)}.new`, journal: `${journalPath(dir)}.new` };
    await this.#serially(() => this.#drain());
    const cut = this.#tail.start;
    const header = { generation: newId(), continues: { journal: this.#journal.journal, offset: cut } };
    try {
      const written = await writeSnapshot(fresh.snapshot, header, this.#table, this.#lines, this.#abort.signal);
      try {
        await this.#serially(() => this.#swap(written, header.generation, cut, fresh));
      } finally {
        written.stopWatching();
        if (this.#lines.snapshot !== written.file) await closeFile(written.file);
      }
    } catch (error) {
      rmSync(fresh.snapshot, { force: true });
      rmSync(fresh.journal, { force: true });
      throw error;
    }
  }

  async #swap(
    written: WrittenSnapshot,
    generation: string,
    cut: number,
    fresh: { snapshot: string; journal: string },
  ): Promise<void> {
    const { dir } = this.#options;
    await this.#drain();
    // At most about SPILL bytes. From here on, everything before the tail is in the old journal.
    for (let chunk = this.#tail.take(); chunk; chunk = this.#tail.take()) this.#writeNow(chunk);
    if (!this.#lock?.isUp()) throw new MailboxError('conflict', 'the lock of the index is gone');
    const header = { journal: newId(), of: generation };
    const head = new Tail();
    head.add('h', headerText(header));
    this.#swapping = true;
    let journal: number | undefined;
    try {
      rmSync(fresh.journal, { force: true });
      journal = openSync(fresh.journal, 'wx+', 0o600);
      await writeFully(journal, head.read(0, head.end) ?? Buffer.alloc(0), 0);
      await copyRange(this.#journalFile(), cut, this.#tail.start, journal, head.end);
      await rename(fresh.snapshot, snapshotPath(dir));
      await rename(fresh.journal, journalPath(dir));
    } catch (error) {
      if (journal !== undefined) closeSync(journal);
      this.#swapping = false;
      throw error;
    }
    const old = [this.#lines.snapshot, this.#lines.journal];
    written.stopWatching();
    relocate(this.#table, written.moved, cut, head.end);
    this.#tail.shift(cut - head.end);
    this.#lines.snapshot = written.file;
    this.#lines.journal = journal;
    this.#journal = header;
    this.#generation = generation;
    this.#snapshotBytes = written.bytes;
    this.#notBefore = 0;
    this.#swapping = false;
    // Not in our own time: the last close of a file without a name frees its blocks, 20 ms for 60 MB.
    for (const file of old) if (file !== undefined) await closeFile(file);
  }

  /** Whether somebody has removed or replaced the files that we have open. */
  async #isReplaced(): Promise<boolean> {
    if (!this.#lock) return false;
    const { dir } = this.#options;
    return this.#serially(
      async () =>
        !(await isSameFile(journalPath(dir), this.#lines.journal)) ||
        (this.#lines.snapshot !== undefined && !(await isSameFile(snapshotPath(dir), this.#lines.snapshot))),
    );
  }

  /** Writes the index anew from what we have in memory and in the files that only we still see. */
  async #restore(): Promise<void> {
    const { dir } = this.#options;
    await mkdir(dir, { recursive: true });
    await this.#compaction;
    await this.#compact();
  }

  /** Whether the index is still ours: somebody may have removed the lock, and another process have taken it. */
  async #ensureLock(): Promise<boolean> {
    if (this.#lock && !this.#lock.isUp()) {
      this.#lock = await this.#options.relock();
      if (!this.#lock) this.#report('writing the index', 'another process writes it now; this one goes on in memory');
    }
    return this.#lock !== undefined;
  }

  #headerBytes(): number {
    const head = new Tail();
    head.add('h', headerText(this.#journal));
    return head.end;
  }

  #journalFile(): number {
    if (this.#lines.journal === undefined) throw new MailboxError('failed', 'the index is closed');
    return this.#lines.journal;
  }

  #report(doing: string, cause: unknown): void {
    const hint = 'nothing is lost: the index is built again from the folders';
    this.#options.onProblem(new MailboxError('failed', `${doing}: ${messageOf(cause)}`, { cause, hint }));
  }
}

function newId(): string {
  return randomBytes(6).toString('hex');
}
