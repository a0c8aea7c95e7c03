/** What every part of the daemon is given: the root, the catalog, the runners, and where to tell what happens. */
import type { Catalog } from '../catalog/index.js';
import type { Clock } from '../core/clock.js';
import type { Place } from '../core/message.js';
import type { Root } from '../mailbox/root.js';
import type { Runner } from '../runners/port.js';
import type { Ledger } from './ledger.js';
import type { Parked } from '../mailbox/parked.js';
import type { Sessions } from './sessions.js';
import type { Watchdog } from './watchdog/watchdog.js';

/** What the daemon tells whoever listens (the terminal, the log, a page). */
export type DaemonEvent =
  | { type: 'started'; mailboxes: string[]; runner: string; worker: string }
  | {
      type: 'claimed';
      id: string;
      place: Place;
      subject: string;
      from: string;
      runner: string;
      run: number;
      resumed: boolean;
    }
  | { type: 'output'; id: string; place: Place; text: string }
  | {
      type: 'finished';
      id: string;
      place: Place;
      outcome: string;
      reason?: string;
      duration_ms?: number;
      cost_usd?: number;
    }
  | { type: 'handed back'; id: string; place: Place; reason: string; again?: string }
  | { type: 'refused'; id: string | undefined; place: Place; reason: string }
  | { type: 'chat'; id: string | undefined; place: Place; from: string }
  | { type: 'parked'; parked: Parked }
  | { type: 'held'; mailbox: string; name: string; reason: string; until: string }
  | { type: 'unparked'; mailbox: string }
  | { type: 'recovered'; place: Place; what: string }
  | { type: 'published'; messages: number; commit: string; title: string }
  | { type: 'arrived'; files: number }
  | { type: 'taken over'; id: string; path: string; from: string }
  | { type: 'lost'; id: string; path: string; reason: string; kept?: string }
  | { type: 'trouble'; message: string; hint?: string }
  | { type: 'draining'; running: number };

export interface Worker {
  root: Root;
  clock: Clock;
  /** This process, with its start time. */
  who: string;
  catalog: Catalog;
  sessions: Sessions;
  ledger: Ledger;
  /** Messages that are claimed or run here, id → file name: a copy must not get through, wherever they are moved. */
  claiming: Map<string, string>;
  /** The runner of that name; throws `invalid` for an unknown one. */
  runner(name: string): Runner;
  /** Whether the message may be run here, and for how long still, ms; undefined on a root without a remote. */
  lease?: { left(id: string): number; isClaimed(id: string): boolean; isForeign(mailbox: string): boolean };
  /** Ends a run whose lease is over, though this process be dead or hang; undefined on a root without a remote. */
  watchdog?: Pick<Watchdog, 'watch' | 'extend' | 'forget'>;
  emit(event: DaemonEvent): void;
}

/** `<mailbox>@<host id>`. */
export function workerName(worker: Worker, mailbox: string): string {
  return `${mailbox}@${worker.root.config.host}`;
}
