/**
 * Processes that are started ahead, for tasks that ask for nothing special. Each has a session id and an empty
 * scratch directory of its own, and waits for its first line on stdin; it ends with the daemon, when stdin closes.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { endProcesses } from '../process/index.js';
import type { CliProcess } from './cli-process.js';

export interface WarmProcess {
  session: string;
  cwd: string;
  cli: CliProcess;
}

export interface WarmPool {
  /** Takes one away, if there is one. It stays reserved until `claim`, or ends with the pool. */
  reserve(): WarmProcess | undefined;
  /** Hands over the reserved process of a session; undefined when it is gone. */
  claim(session: string): WarmProcess | undefined;
  close(): Promise<void>;
}

/** Pauses after starts that failed, ms; the last one stays. */
const BACKOFF = [1_000, 5_000, 30_000, 120_000];
/** A process that lives this long was a good start, ms. */
const GOOD_LIFE = 10_000;

export function createWarmPool(options: {
  size: number;
  scratch: string;
  /** Starts the CLI, or returns undefined when it cannot be started now. */
  start(session: string, cwd: string): CliProcess | undefined;
  /** The first pause, ms, for tests. */
  backoff?: readonly number[];
}): WarmPool {
  const pauses = options.backoff ?? BACKOFF;
  const ready: WarmProcess[] = [];
  const reserved = new Map<string, WarmProcess>();
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  function fill(): void {
    if (closed || timer) return;
    while (ready.length < options.size) if (!add()) return retryLater();
  }

  function add(): boolean {
    const session = randomUUID();
    const cwd = join(options.scratch, session);
    const born = performance.now();
    let cli: CliProcess | undefined;
    try {
      mkdirSync(cwd, { recursive: true });
      cli = options.start(session, cwd);
    } catch {
      // A full disk or a configuration in change: a task that starts cold says so itself.
    }
    if (!cli || cli.pid === undefined) {
      rmSync(cwd, { recursive: true, force: true });
      return false;
    }
    const warm = { session, cwd, cli };
    ready.push(warm);
    void cli.ended.then(() => {
      const at = ready.indexOf(warm);
      if (at < 0) return; // in use, or the pool is closing
      ready.splice(at, 1);
      rmSync(cwd, { recursive: true, force: true });
      if (performance.now() - born > GOOD_LIFE) failures = 0;
      retryLater();
    });
    return true;
  }

  function retryLater(): void {
    if (closed || timer) return;
    const pause = pauses[Math.min(failures, pauses.length - 1)] ?? 0;
    failures += 1;
    timer = setTimeout(() => {
      timer = undefined;
      fill();
    }, pause);
    timer.unref();
  }

  async function end({ cli, cwd, session }: WarmProcess): Promise<void> {
    cli.closeStdin();
    await endProcesses(session, cli.pid, { grace: 1_000 });
    await cli.ended;
    rmSync(cwd, { recursive: true, force: true });
  }

  fill();

  return {
    reserve() {
      const warm = ready.shift();
      if (!warm) return undefined;
      failures = 0;
      reserved.set(warm.session, warm);
      return warm;
    },
    claim(session) {
      const warm = reserved.get(session);
      reserved.delete(session);
      // The next one starts a little later, so that it takes no time from the task that has just begun.
      if (warm && !timer && !closed) {
        timer = setTimeout(() => {
          timer = undefined;
          fill();
        }, 250);
        timer.unref();
      }
      return warm;
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      const all = [...ready.splice(0), ...reserved.values()];
      reserved.clear();
      await Promise.all(all.map(end));
    },
  };
}
