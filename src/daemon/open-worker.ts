/** Opens what every part of the daemon works with, and makes each runner when it is first asked for. */
import { messageOf } from '../core/errors.js';
import { ownProcess } from '../host/process-id.js';
import { openMailboxes, type Mailboxes } from '../mailbox/open.js';
import { noteServing } from '../mailbox/serving.js';
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
  /** Says on this host that the daemon serves these, until the result is called. */
  noteServing(mailboxes: string[]): () => void;
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
    noteServing(mailboxes) {
      // Who takes some tasks alone serves no mailbox: others must not count on it.
      if (options.accepts) return () => undefined;
      const since = new Date(clock.now()).toISOString();
      try {
        return noteServing(root.dir, { mailboxes, runner: root.config.runner, since });
      } catch (error) {
        emit({ type: 'trouble', message: `saying what is served here: ${messageOf(error)}` });
        return () => undefined;
      }
    },
    closeRunners: async () => {
      for (const runner of runners.values()) await runner.close();
    },
  };
}
