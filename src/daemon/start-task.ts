/** One task from its turn in the queue to its end: the claim on the remote, the claim here, the run, what follows. */
import type { Parked } from '../mailbox/parked.js';
import { noteMove } from '../mailbox/acknowledge.js';
import type { Chats } from './chats.js';
import { claimTask, type ClaimOutcome } from './claim-task.js';
import type { Gate } from './gate.js';
import type { Inboxes } from './inboxes.js';
import type { Parking } from './parking.js';
import type { Queue, Waiting } from './queue.js';
import { runTask, type RunningTask, type TaskEnd } from './run-task.js';
import { claimedEvent, endEvent, heldEvent, unrunEvent } from './tell.js';
import type { Timers } from './timers.js';
import type { DaemonEvent, Worker } from './worker.js';

export interface Starting {
  queue: Queue;
  running: Map<string, RunningTask>;
  /** Tasks that are being claimed, by mailbox. */
  claiming: Map<string, number>;
  /** Names of tasks that a limit of the day holds, so that each is told once. */
  held: Set<string>;
  chats: Chats;
  parking: Parking;
  inboxes: Inboxes;
  mailboxes: readonly string[];
  timers: Timers;
  gate(): Gate | undefined;
  emit(event: DaemonEvent): void;
  fault(error: unknown, doing: string): void;
  pump(): void;
  recover(): Promise<void>;
}

/** How long a task that could not be taken or finished waits, ms. */
const AGAIN = 3_000;

export function createStarter(worker: Worker, loop: Starting): (waiting: Waiting) => Promise<void> {
  const { root, clock, catalog } = worker;
  const { queue, running, claiming, chats, parking, emit, fault } = loop;

  /** Asks for the right to run it, takes it, and decides. `id`: under which the exchange holds it. */
  const take = async (waiting: Waiting): Promise<{ claimed: ClaimOutcome; id: string | undefined } | undefined> => {
    const asked = await loop.gate()?.ask(waiting);
    if (asked?.kind === 'wait') queue.put({ ...waiting, due: asked.until });
    if (asked !== undefined && asked.kind !== 'granted') return undefined;
    const id = asked?.grant?.id;
    try {
      const at = asked?.name === undefined ? waiting : { ...waiting, name: asked.name };
      return { claimed: await claimTask(worker, at, asked?.grant), id };
    } catch (error) {
      if (id !== undefined) loop.gate()?.gaveUp(id);
      throw error;
    }
  };

  const start = async (waiting: Waiting): Promise<void> => {
    const release = (): void =>
      void claiming.set(waiting.mailbox, Math.max(0, (claiming.get(waiting.mailbox) ?? 1) - 1));
    try {
      const taken = await take(waiting);
      const claimed = taken?.claimed;
      const from = { mailbox: waiting.mailbox, state: 'inbox', name: waiting.name } as const;
      if (taken?.id !== undefined && claimed?.kind !== 'run') {
        if (claimed?.kind === 'ended') loop.gate()?.ended(taken.id);
        else loop.gate()?.gaveUp(taken.id);
      }
      if (claimed?.kind === 'hold') {
        queue.put({ ...waiting, due: claimed.until });
        if (claimed.daily !== undefined && !loop.held.has(waiting.name)) {
          loop.held.add(waiting.name);
          emit(heldEvent(waiting, claimed.daily, claimed.until));
        }
      } else if (claimed?.kind === 'ended') {
        noteMove(catalog, root.dir, from, claimed.place);
        emit(unrunEvent(claimed));
      } else if (claimed?.kind === 'run') {
        const { plan } = claimed;
        if (taken?.id !== undefined) loop.gate()?.runsAs(taken.id, plan.id);
        noteMove(catalog, root.dir, from, plan.place);
        emit(claimedEvent(plan));
        const task = runTask(
          worker,
          plan,
          (uuid) => void chats.received(uuid).catch((error: unknown) => fault(error, 'acknowledging a chat')),
        );
        running.set(plan.id, task);
        release();
        loop.pump();
        // Chats that came before the task they reply to was claimed.
        for (const { mailbox, name } of loop.inboxes.repliesTo(plan.id)) loop.inboxes.look(mailbox, name);
        onEnd(await task.done, task);
        return;
      }
    } catch (error) {
      // The file is back in the inbox: a full disk or a missing permission is tried again, not at once.
      queue.put({ ...waiting, due: clock.now() + AGAIN });
      fault(error, `${waiting.mailbox}/inbox/${waiting.name}`);
    }
    parking.tried(waiting.mailbox);
    release();
    loop.pump();
  };

  const onEnd = (end: TaskEnd, task: RunningTask): void => {
    running.delete(task.id);
    parking.tried(task.place.mailbox);
    chats.forget(task);
    const { mailbox } = task.place;
    if (end.fault !== undefined) fault(end.fault, `finishing ${task.place.mailbox}/${task.place.name}`);
    if (end.outcome.kind === 'parked' && root.config.park) {
      const { reason, message, until } = end.outcome;
      const parked: Parked = parking.park(mailbox, reason, message, clock.now(), until);
      emit({ type: 'parked', parked });
    } else if (end.outcome.kind !== 'stopped' && parking.unpark(mailbox)) emit({ type: 'unparked', mailbox });
    if (end.place) emit(endEvent(task.id, end.place, end.verdict));
    if (end.place?.state === 'inbox' && loop.mailboxes.includes(end.place.mailbox))
      loop.inboxes.look(end.place.mailbox, end.place.name);
    if (end.isLost) loop.gate()?.stopped(task.id);
    else if (end.fault === undefined) loop.gate()?.ended(task.id);
    else {
      const again = async (): Promise<void> => {
        await loop.recover();
        loop.gate()?.ended(task.id);
      };
      loop.timers.later(AGAIN, () => void again().catch((error: unknown) => fault(error, 'recovering')));
    }
    loop.pump();
  };
  return start;
}
