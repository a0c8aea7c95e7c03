/**
 * The daemon's side of its watchdog, a program of its own that ends a run when its lease is over, whatever has become
 * of the daemon: killed, stopped, hanging or asleep. It is started with the first run, and anew when it dies.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MailboxError, messageOf } from '../../core/errors.js';
import { buildEnvironment } from '../../runners/process/environment.js';
import { readClocks, type WatchCommand, type WatchdogCommand } from './watchdog-command.js';

export interface WatchdogOptions {
  /** Where the few variables it needs are taken from; by default this process's own. */
  environment?: NodeJS.ProcessEnv;
  /** It ended or could not be started, and is started again: until then nobody watches but the daemon itself. */
  onTrouble(fault: MailboxError): void;
}

export interface Watchdog extends AsyncDisposable {
  /** The program's pid while it runs. */
  readonly pid: number | undefined;
  /**
   * From now on this run is ended `left` ms from now, or when the daemon dies. Call it before the spawn without
   * `process`, so that there is no moment unwatched, and again with the id of the first process (`processId`).
   */
  watch(session: string, process: string | undefined, left: number): void;
  /** Gives a watched run `left` ms from now; does nothing for one that is not watched. */
  extend(session: string, left: number): void;
  /** The run has ended. Before the session is used again. */
  forget(session: string): void;
  /** Ends the program, and what is still watched with it. */
  close(): Promise<void>;
}

/** One that lived this long, ms, is started again at once; else there is a pause, longer each time. */
const SETTLED = 10_000;
const SHORTEST_PAUSE = 100;
const LONGEST_PAUSE = 30_000;
/** How long `close` waits, ms: longer than the end of a run may take. */
const CLOSE_LIMIT = 6_000;

export function createWatchdog(options: WatchdogOptions): Watchdog {
  const watched = new Map<string, WatchCommand>();
  let child: ChildProcess | undefined;
  let pausing: NodeJS.Timeout | undefined;
  let pause = 0;
  let isClosed = false;

  const start = (): void => {
    const began = performance.now();
    try {
      const started = spawn(process.execPath, ['--max-old-space-size=32', PROGRAM], {
        // Nothing that somebody may want to remove or unmount.
        cwd: dirname(process.execPath),
        env: buildEnvironment(options.environment ?? process.env, NEEDED),
        // A group and session of its own: what a terminal sends to the daemon's does not reach it.
        detached: true,
        windowsHide: true,
        stdio: ['pipe', 'ignore', 'ignore'],
      });
      child = started;
      let isGone = false;
      const onEnd = (why: string): void => {
        if (isGone) return;
        isGone = true;
        child = undefined;
        if (!isClosed) onDeath(why, performance.now() - began);
      };
      started.on('error', (error) => onEnd(error.message));
      started.once('exit', (code, signal) => onEnd(signal ?? `status ${code}`));
      // It may end while we write: its exit tells.
      started.stdin?.on('error', () => undefined);
      // It never keeps the daemon alive: that ends when it has nothing else to do.
      started.unref();
      (started.stdin as (NodeJS.WritableStream & { unref?(): void }) | null)?.unref?.();
    } catch (error) {
      child = undefined;
      onDeath(messageOf(error), 0);
      return;
    }
    for (const command of watched.values()) tell(command);
  };

  const onDeath = (why: string, lived: number): void => {
    pause = lived >= SETTLED ? 0 : Math.min(LONGEST_PAUSE, pause === 0 ? SHORTEST_PAUSE : pause * 2);
    pausing = setTimeout(() => {
      pausing = undefined;
      if (watched.size > 0) start();
    }, pause);
    pausing.unref();
    options.onTrouble(
      new MailboxError('unavailable', `the watchdog of the runs ended (${why}); it is started again`, {
        hint: 'if this is said again and again: look whether memory or processes are short, and whether mailboxd is installed whole',
      }),
    );
  };

  const tell = (command: WatchdogCommand): void => {
    child?.stdin?.write(`${JSON.stringify(command)}\n`);
  };

  const set = (command: WatchCommand): void => {
    if (isClosed) return;
    watched.set(command.watch, command);
    if (child) tell(command);
    else if (pausing === undefined) start();
  };

  const close = async (): Promise<void> => {
    isClosed = true;
    watched.clear();
    clearTimeout(pausing);
    const last = child;
    if (!last) return;
    await new Promise<void>((resolve) => {
      const limit = setTimeout(() => last.kill('SIGKILL'), CLOSE_LIMIT);
      const onEnd = (): void => {
        clearTimeout(limit);
        resolve();
      };
      last.once('exit', onEnd);
      last.once('error', onEnd);
      last.ref();
      last.stdin?.end();
    });
  };

  return {
    get pid() {
      return child?.pid;
    },
    watch: (session, id, left) =>
      set({ watch: session, left, at: readClocks(), ...(id !== undefined && { process: id }) }),
    extend: (session, left) => {
      const known = watched.get(session);
      if (known) set({ ...known, left, at: readClocks() });
    },
    forget: (session) => {
      if (watched.delete(session)) tell({ forget: session });
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Paths for `ps` and `taskkill`, and what programs on Windows do not start without. */
const NEEDED = ['PATH', 'SYSTEMROOT', 'SYSTEMDRIVE', 'WINDIR', 'COMSPEC', 'PATHEXT', 'TEMP', 'TMP'];

/** Run from its sources (in the tests) the daemon takes the program that was built. */
const PROGRAM = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? '../../../dist/daemon/watchdog/watchdog-main.js' : './watchdog-main.js',
    import.meta.url,
  ),
);
