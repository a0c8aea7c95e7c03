/**
 * The bell. A watcher says that something may have changed in a folder, at once and sometimes by name; it never says
 * what. Whoever hears it looks at the folder.
 *
 * chokidar watches small folders; its raw event comes within a millisecond and also rings for renames. With many files
 * one event costs it 100 ms of work, so above a limit a plain `fs.watch` takes over. Either may fail (a watch limit, a
 * network file system): then the folder is only looked at now and then, and `onTrouble` says so.
 */
import { mkdirSync, readdirSync, watch as watchFolder, type FSWatcher } from 'node:fs';
import chokidar, { type FSWatcher as Chokidar } from 'chokidar';
import { messageOf, systemCode } from '../core/errors.js';

const CHOKIDAR_LIMIT = 500;

export interface Bell {
  /** Settles when the watch is set: what changes from then on rings. Never rejects. */
  readonly ready: Promise<void>;
  /** Re-reads the folder's size and changes the way of watching when it grew or shrank. */
  adapt(): void;
  close(): Promise<void>;
}

export interface BellOptions {
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
  let closed = false;
  let ready: Promise<void> = Promise.resolve();

  const tell = (error: unknown): void => {
    const { message, hint } = trouble(error);
    options.onTrouble(`${dir}: ${message}`, hint);
  };
  const startPlain = (): void => {
    try {
      plain = watchFolder(dir, { persistent: true }, (_event, name) => options.onRing(name ?? undefined));
      plain.on('error', tell);
    } catch (error) {
      tell(error);
    }
  };
  const startChokidar = (): void => {
    full = chokidar.watch(dir, {
      depth: 0,
      followSymlinks: false,
      ignoreInitial: true,
      ignored: (path) => path !== dir && /[\\/]\.[^\\/]*$/.test(path),
      atomic: false,
      awaitWriteFinish: false,
    });
    full.on('raw', (_event, name) => options.onRing(typeof name === 'string' ? name : undefined));
    full.on('all', () => options.onRing(undefined));
    full.on('error', tell);
    const watcher = full;
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

  mkdirSync(dir, { recursive: true });
  if (size() > CHOKIDAR_LIMIT) startPlain();
  else startChokidar();
  return {
    ready,
    adapt() {
      if (closed || plain || size() <= CHOKIDAR_LIMIT) return;
      const old = full;
      full = undefined;
      startPlain();
      void old?.close();
    },
    async close() {
      closed = true;
      plain?.close();
      await full?.close();
    },
  };
}
