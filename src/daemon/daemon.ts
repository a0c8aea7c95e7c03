/**
 * The loop: bell → look at the folders → choose → claim → run → finish → choose again.
 *
 * Everything that may have changed rings (a watcher, a timer, the end of a run); `pump` then starts what is due while
 * there are free places. Nothing here decides what a message says: claim-task.ts does, from the file it took.
 */
import type { Claim } from '../core/message.js';
import { MailboxError, messageOf } from '../core/errors.js';
import { isMessageFileName } from '../core/names.js';
import type { Mailboxes } from '../mailbox/open.js';
import { isAlive } from '../host/process-id.js';
import { makeMailbox } from '../store/deliver.js';
import { listMailboxes } from '../store/list.js';
import { hangBells } from './bells.js';
import { createChats } from './chats.js';
import { drain } from './drain.js';
import { createInboxes } from './inboxes.js';
import { createParking } from './parking.js';
import { createQueue } from './queue.js';
import { recoverMailbox, recoverNames, sweepProcesses } from './recover-claims.js';
import { sendPendingReplies } from './replies.js';
import { retain } from '../mailbox/retention.js';
import type { RunningTask } from './run-task.js';
import { createStarter } from './start-task.js';
import type { Gate, GateHooks } from './gate.js';
import { openWorker } from './open-worker.js';
import { createTimers } from './timers.js';
import type { DaemonOptions } from './daemon-options.js';
import { cleanUp } from './clean-up.js';
import type { DaemonEvent } from './worker.js';

export type { DaemonOptions } from './daemon-options.js';

export interface Daemon extends AsyncDisposable {
  /** Settles when it has ended: after `stop`, or with `once` when nothing is left to do. */
  readonly ended: Promise<void>;
  readonly mailboxes: string[];
  readonly desk: Mailboxes;
  /** When the loop last turned, ms of `performance.now()`; a watchdog looks at it. */
  readonly lastTurn: number;
  /** Takes no more tasks, waits `grace` ms for running ones, then hands them back. */
  stop(grace?: number): Promise<void>;
}

/** How often the folders are looked at without any bell, ms. */
const RECONCILE = 3_000;
/** How often the catalog looks at every file, ms; the start takes finished messages by name alone. */
const SYNC = 300_000;
/** How often what is older than `keep` is removed, ms. */
const TIDY = 6 * 3_600_000;
const TURN = 1_000;

export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const emit = (event: DaemonEvent): void => options.onEvent?.(event);
  const { desk, worker, noteServing, closeRunners } = await openWorker(options, emit);
  const { root, clock, catalog } = desk;
  const mailboxes = options.mailboxes?.length ? options.mailboxes : root.config.serve;
  for (const mailbox of mailboxes) makeMailbox(root.dir, mailbox);

  const queue = createQueue();
  const { accepts } = options;
  if (accepts) {
    const { put } = queue;
    queue.put = (task) => void (accepts(task.mailbox, task.name) && put(task));
  }
  const parking = createParking(root.dir, clock.now());
  const running = new Map<string, RunningTask>();
  const claiming = new Map<string, number>();
  /** Names of tasks that a limit of the day holds, so that each is told once. */
  const held = new Set<string>();
  const chats = createChats(worker, (id) => running.get(id));
  let gate: Gate | undefined;
  let isStopping = false;
  let lastTurn = performance.now();
  let pumpTimer: NodeJS.Timeout | undefined;
  let scanning: Promise<void> | undefined;
  let finish: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (finish = resolve));

  const fault = (error: unknown, doing: string): void => {
    const known =
      error instanceof MailboxError ? error : new MailboxError('failed', messageOf(error), { cause: error });
    emit({ type: 'trouble', message: `${doing}: ${known.message}`, ...(known.hint && { hint: known.hint }) });
  };
  const timers = createTimers(() => void scan());
  const inboxes = createInboxes(
    worker,
    queue,
    (place, message) => {
      if (!chats.offer(place, message))
        emit({ type: 'chat', id: message.front.id, place, from: message.front.from ?? 'unknown' });
    },
    timers.soon,
  );

  const inMailbox = (mailbox: string): number =>
    (claiming.get(mailbox) ?? 0) + [...running.values()].filter((task) => task.place.mailbox === mailbox).length;
  const busy = (): number => running.size + [...claiming.values()].reduce((a, b) => a + b, 0);
  const hasRoom = (mailbox: string): boolean =>
    inMailbox(mailbox) < root.config.limits.concurrency && parking.isOpen(mailbox, clock.now());

  const pump = (): void => {
    if (isStopping) return;
    clearTimeout(pumpTimer);
    pumpTimer = undefined;
    while (busy() < root.config.limits.host_concurrency) {
      const next = queue.next(clock.now(), hasRoom);
      if (!next) break;
      queue.drop(next.mailbox, next.name);
      parking.tryOne(next.mailbox);
      claiming.set(next.mailbox, (claiming.get(next.mailbox) ?? 0) + 1);
      void start(next).catch((error: unknown) => fault(error, `${next.mailbox}/inbox/${next.name}`));
    }
    const wake = [queue.nextDue(clock.now()), queue.size() > 0 ? parking.nextTry() : undefined].filter(
      (time) => time !== undefined,
    );
    if (wake.length > 0) pumpTimer = setTimeout(pump, Math.min(Math.max(5, Math.min(...wake) - clock.now()), 60_000));
    if (
      options.once &&
      busy() === 0 &&
      !scanning &&
      timers.size === 0 &&
      !queue.next(clock.now(), (mailbox) => parking.isOpen(mailbox, clock.now()))
    )
      finish();
  };

  const start = createStarter(worker, {
    ...{ queue, running, claiming, held, chats, parking, inboxes, mailboxes, emit, fault, timers },
    gate: () => gate,
    pump: () => pump(),
    recover: () => recover(),
  });

  const scan = (): Promise<void> => {
    scanning ??= (async () => {
      for (const mailbox of mailboxes) await inboxes.scan(mailbox);
    })()
      .catch((error: unknown) => fault(error, 'looking at the inboxes'))
      .finally(() => {
        scanning = undefined;
        pump();
      });
    return scanning;
  };
  const recover = async (): Promise<void> => {
    const isHeld = (claim: Claim, id: string): boolean =>
      claim.process === worker.who ? running.has(id) || busy() > running.size : isAlive(claim.process);
    for (const mailbox of mailboxes) await recoverMailbox(worker, mailbox, isHeld);
    for (const mailbox of listMailboxes(root.dir)) if (!mailboxes.includes(mailbox)) recoverNames(worker, mailbox);
  };

  const recoverAgain = (): void => void recover().catch((error: unknown) => fault(error, 'recovering'));

  if (root.config.remote !== undefined) {
    const { openGate } = await import('./gate.js');
    const { createLive } = await import('./live.js');
    const chores = [createLive(worker, () => running.values())];
    const hooks: GateHooks = {
      running: () => running.values(),
      waiting: (mailbox) => queue.size(mailbox),
      onTwin: () => void stop(0),
      onFree: (waiting) => {
        queue.put(waiting);
        pump();
      },
      onApplied: (places) => {
        for (const place of places) {
          catalog.refresh(place);
          if (place.state === 'inbox' && mailboxes.includes(place.mailbox)) onRing(place.mailbox, place.name);
          else if (place.state === 'in_progress') lookAtRunning(place.name);
        }
      },
    };
    gate = await openGate(worker, root.config.remote, mailboxes, hooks, chores);
  }
  await desk.sync({ quick: true });
  await sweepProcesses(worker);
  await recover();
  await sendPendingReplies(worker);
  // What is kept warm is started now, not with the first task.
  const { runner: usual, runners: configured } = root.config;
  if (usual === 'claude' && configured.claude.warm > 0 && !options.once) worker.runner(usual);

  /** Every claim, append and end rings here too, mostly by hidden names: only the task that is named is looked at. */
  const lookAtRunning = (name?: string): void => {
    for (const task of running.values()) if (name === undefined || task.place.name === name) task.look();
  };
  const onRing = (mailbox: string, name: string | undefined): void => {
    if (isStopping) return;
    if (name === undefined) return void scan();
    if (!isMessageFileName(name)) return;
    try {
      inboxes.look(mailbox, name);
    } catch (error) {
      fault(error, `looking at ${mailbox}/inbox/${name}`); // the next look at the whole folder comes by itself
    }
    pump();
  };
  const onWake = (): void => {
    if (isStopping) return;
    parking.wake(clock.now());
    gate?.exchange.ring({ remote: true });
    void scan();
  };
  const bells = options.once ? [] : hangBells(worker, mailboxes, { onInbox: onRing, onRunning: lookAtRunning, onWake });
  await Promise.all(bells.map((bell) => bell.ready));
  const unnote = noteServing(mailboxes);
  await gate?.start();
  emit({ type: 'started', mailboxes, runner: root.config.runner, worker: root.config.host });
  await scan();

  const turn = setInterval(() => (lastTurn = performance.now()), TURN);
  let turns = 0;
  const reconcile = (): void => {
    lookAtRunning();
    for (const bell of bells) bell.adapt();
    turns += 1;
    if (turns % 10 === 0) recoverAgain();
    void scan();
  };
  const tidy = (): void => {
    const isOver = (): boolean => isStopping;
    const isHeld = (id: string): boolean => worker.claiming.has(id) || (worker.lease?.isClaimed(id) ?? false);
    void cleanUp(worker, isOver)
      .then(() => retain(worker, { isOver, isHeld }))
      .catch((error: unknown) => fault(error, 'tidying up'));
  };
  const readAll = (): void => void desk.sync().catch((error: unknown) => fault(error, 'reading the folders'));
  tidy();
  const intervals = [setInterval(reconcile, RECONCILE), setInterval(readAll, SYNC), setInterval(tidy, TIDY)];

  let stopping: Promise<void> | undefined;
  const hurry = new AbortController();
  const stop = (grace = root.config.grace): Promise<void> => {
    // Asked again with no grace: whoever waits for running tasks waits no more.
    if (stopping && grace === 0) hurry.abort();
    stopping ??= (async () => {
      isStopping = true;
      for (const interval of intervals) clearInterval(interval);
      clearTimeout(pumpTimer);
      timers.close();
      for (const bell of bells) await bell.close();
      if (running.size > 0) emit({ type: 'draining', running: running.size });
      await drain(() => [...running.values()], grace, hurry.signal);
      while (busy() > 0) {
        // A claim that was under way when the stop came may have begun its run since.
        for (const task of running.values()) task.stop('drain');
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await closeRunners();
      await gate?.close();
      await scanning;
      await parking.settled();
      clearInterval(turn);
      await desk.close();
      unnote();
      finish();
    })();
    return stopping;
  };
  if (options.once) void ended.then(() => stop());
  const whole = options.once ? ended.then(() => stop()) : ended;
  return {
    ended: whole,
    mailboxes,
    desk,
    get lastTurn() {
      return lastTurn;
    },
    stop,
    [Symbol.asyncDispose]: () => stop(0),
  };
}
