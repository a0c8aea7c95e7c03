import type { Clock } from '../core/clock.js';
import type { DaemonEvent } from './worker.js';

export interface DaemonOptions {
  root: string;
  /** Instead of the configuration's `serve`. */
  mailboxes?: string[];
  /** Instead of the configuration's `runner`. */
  runner?: string;
  /** Work off what is waiting and due, then end. */
  once?: boolean;
  /** Runs only the tasks whose files it accepts; the others wait for another daemon. */
  accepts?: (mailbox: string, name: string) => boolean;
  clock?: Clock;
  environment?: NodeJS.ProcessEnv;
  onEvent?: (event: DaemonEvent) => void;
}
