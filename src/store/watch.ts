/**
 * The bell. A watcher says that something may have changed in a folder, at once and sometimes by name; it never says
 * what. Whoever hears it looks at the folder.
 *
 * chokidar watches small folders; its raw event comes within a millisecond and also rings for renames. But it lists the
 * folder for each event, which costs 100 ms of work with many files in it and, at hundreds of messages a second, more
 * than the messages themselves. So while a folder is large or busy a plain `fs.watch` takes over. Either may fail (a
 * watch limit, a network file system): then the folder is only looked at now and then, and `onTrouble` says so.
 */
import { mkdirSync, readdirSync, watch as watchFolder, type FSWatcher } from 'node:fs';
import { basename } from 'node:path';
import chokidar, { type FSWatcher as Chokidar } from 'chokidar';
import { messageOf, systemCode } from '../core/errors.js';

/** Files in a folder that is large. */
const CHOKIDAR_LIMIT = 500;
/** Rings within one `BUSY_SPAN` (ms) that make a folder busy, and below which it is calm again. */
const BUSY_RINGS = 50;
const CALM_RINGS = 10;
const BUSY_SPAN = 1_000;

export interface Bell {
  /** Settles when the watch is set: what changes from then on rings. Never rejects. */
  readonly ready: Promise<void>;
  /** Re-reads the folder's size and changes the way of watching when it grew or shrank, or has become calm. */
  adapt(): void;
  close(): Promise<void>;
}

export interface BellOptions {
  /** Rings for this name alone, in a folder where much else changes: chokidar would list it each time. */
  only?: string;
  /** `name` is the file's name where the system tells it. */
  onRing(name: string | undefined): void;
  /** A folder that cannot be watched; it is polled instead. */
  onTrouble(message: string, hint: string): void;
}

function trouble(error: unknown): { message: string; hint: string } {
  const code = systemCode(error);
  if (code === 'ENOSPC') {
    return {
      message: 'the system allows no more file watches',
      hint: 'raise fs.inotify.max_user_watches (sysctl); until then folders are looked at every few seconds',
    };
  }
  if (code === 'EMFILE') {
    return {
      message: 'the system allows no more watchers or open files',
      hint: 'raise fs.inotify.max_user_instances or `ulimit -n`; until then folders are looked at every few seconds',
    };
  }
  return { message: `watching failed: ${messageOf(error)}`, hint: 'folders are looked at every few seconds instead' };
}

export function watchBell(dir: string, options: BellOptions): Bell {
  let plain: FSWatcher | undefined;
  let full: Chokidar | undefined;
  let leaving: FSWatcher | undefined;
  let closed = false;
  let ready: Promise<void> = Promise.resolve();
  let rings = 0;
  let ringsBefore = 0;
  let spanEnd = 0;

  const tell = (error: unknown): void => {
    const { message, hint } = trouble(error);
    options.onTrouble(`${dir}: ${message}`, hint);
  };
  /** Counts a ring; true when they come too fast for chokidar. */
  const isBusy = (): boolean => {
    const now = performance.now();
    if (now > spanEnd) {
      spanEnd = now + BUSY_SPAN;
      ringsBefore = rings;
      rings = 0;
    }
    rings += 1;
    return rings > BUSY_RINGS;
  };
  const ring = (name: string | undefined): void => {
    if (closed) return;
    if (isBusy() && full) goPlain();
    if (name === undefined || options.only === undefined || name === options.only) options.onRing(name);
  };
  const startPlain = (): void => {
    try {
      plain = watchFolder(dir, { persistent: true }, (_event, name) => ring(name ?? undefined));
      plain.on('error', tell);
    } catch (error) {
      tell(error);
    }
  };
  const goPlain = (): void => {
    startPlain();
    if (!plain) return;
    void full?.close();
    full = undefined;
  };
  const startChokidar = (): void => {
    const watcher = chokidar.watch(dir, {
      depth: 0,
      followSymlinks: false,
      ignoreInitial: true,
      // The folder alone, whose own watch rings for all that is in it. A watch of each file besides costs one each, and
      // chokidar forgets to close those of files that come, go and come again within a moment: they hold the process.
      ignored: (path) => path !== dir,
      atomic: false,
      awaitWriteFinish: false,
    });
    watcher.on('raw', (_event, name) => ring(typeof name === 'string' ? name : undefined));
    watcher.on('all', (_event, path) => options.onRing(path === dir ? undefined : basename(path)));
    watcher.on('error', tell);
    full = watcher;
    ready = new Promise((resolve) => {
      watcher.once('ready', resolve);
      watcher.once('error', () => resolve());
    });
  };
  const size = (): number => {
    try {
      return readdirSync(dir).length;
    } catch {
      return 0;
    }
  };
  const goBack = (): void => {
    leaving?.close();
    leaving = plain;
    plain = undefined;
    startChokidar();
    // Both watch for a moment: a ring too many costs a look, a missed one costs seconds.
    void ready.then(() => leaving?.close());
  };

  mkdirSync(dir, { recursive: true });
  if (options.only !== undefined || size() > CHOKIDAR_LIMIT) startPlain();
  else startChokidar();
  return {
    get ready() {
      return ready;
    },
    adapt() {
      if (closed) return;
      const isCalm = performance.now() > spanEnd || Math.max(rings, ringsBefore) < CALM_RINGS;
      if (full && size() > CHOKIDAR_LIMIT) goPlain();
      else if (plain && options.only === undefined && isCalm && size() < CHOKIDAR_LIMIT / 2) goBack();
    },
    async close() {
      closed = true;
      plain?.close();
      leaving?.close();
      await full?.close();
    },
  };
}
