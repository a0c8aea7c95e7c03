/** What rings: each inbox, each `in_progress/`, and `.mailboxd/bell`, which `mailboxd login` touches. */
import { mkdirSync } from 'node:fs';
import { hostDir, stateDir } from '../store/paths.js';
import { watchBell, type Bell } from '../store/watch.js';
import type { Worker } from './worker.js';

export interface BellHandlers {
  onInbox(mailbox: string, name: string | undefined): void;
  onRunning(name: string | undefined): void;
  /** Whatever is parked should be tried. */
  onWake(): void;
}

export function hangBells(worker: Worker, mailboxes: string[], handlers: BellHandlers): Bell[] {
  const root = worker.root.dir;
  const onTrouble = (message: string, hint: string): void => worker.emit({ type: 'trouble', message, hint });
  mkdirSync(hostDir(root), { recursive: true });
  return [
    ...mailboxes.flatMap((mailbox) => [
      watchBell(stateDir(root, mailbox, 'inbox'), { onTrouble, onRing: (name) => handlers.onInbox(mailbox, name) }),
      watchBell(stateDir(root, mailbox, 'in_progress'), { onTrouble, onRing: (name) => handlers.onRunning(name) }),
    ]),
    watchBell(hostDir(root), { only: 'bell', onTrouble: () => undefined, onRing: () => handlers.onWake() }),
  ];
}
