/** Opens what every part of the daemon works with, and makes each runner when it is first asked for. */
import { ownProcess } from '../host/process-id.js';
import { openMailboxes, type Mailboxes } from '../mailbox/open.js';
import { createRunner } from '../runners/index.js';
import type { Runner } from '../runners/port.js';
import { scratchDir } from '../store/paths.js';
import type { DaemonOptions } from './daemon-options.js';
import { openLedger } from './ledger.js';
import { openSessions } from './sessions.js';
import type { DaemonEvent, Worker } from './worker.js';

export interface OpenWorker {
  desk: Mailboxes;
  worker: Worker;
  closeRunners(): Promise<void>;
}

export async function openWorker(options: DaemonOptions, emit: (event: DaemonEvent) => void): Promise<OpenWorker> {
  const desk = await openMailboxes(options.root, {
    mode: 'write',
    ...(options.clock && { clock: options.clock }),
    onProblem: (fault) => emit({ type: 'trouble', message: fault.message, ...(fault.hint && { hint: fault.hint }) }),
  });
  const { root, clock, catalog } = desk;
  if (options.runner !== undefined) root.config.runner = options.runner;
  const runners = new Map<string, Runner>();
  const worker: Worker = {
    root,
    clock,
    catalog,
    who: ownProcess(),
    sessions: openSessions(root.dir),
    ledger: openLedger(root.dir),
    claiming: new Map(),
    runner(name) {
      let runner = runners.get(name);
      if (!runner) {
        runner = createRunner(name, root.config, {
          scratch: scratchDir(root.dir),
          ...(options.environment && { environment: options.environment }),
        });
        runners.set(name, runner);
      }
      return runner;
    },
    emit,
  };
  return {
    desk,
    worker,
    closeRunners: async () => {
      for (const runner of runners.values()) await runner.close();
    },
  };
}
