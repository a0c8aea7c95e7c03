/**
 * The way from a waiting file to the right to run it, on a root with a remote: asks the exchange for the claim, remembers
 * what others hold until it is free, watches the leases of what runs, and sends replies when their end is on main.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Place } from '../core/message.js';
import { type MailboxError, messageOf } from '../core/errors.js';
import { openExchange, type Chore, type Exchange } from '../git/exchange/exchange.js';
import { keyFor } from '../git/exchange/look.js';
import { idOf } from '../format/id-of.js';
import { whyWithheld } from '../mailbox/provenance.js';
import { readPlace } from '../mailbox/locate.js';
import { listState } from '../store/list.js';
import { hostDir } from '../store/paths.js';
import { moveMessage } from '../store/settle.js';
import type { Grant } from './claim-task.js';
import { checkPlace } from '../git/identity.js';
import { packLoose } from '../git/maintenance.js';
import { createSweep } from '../git/exchange/sweep.js';
import { openTaskLook } from '../git/task-look.js';
import { createHeartbeat } from './heartbeat.js';
import type { Waiting } from './queue.js';
import { forgetReplies, sendPendingReplies } from './replies.js';
import type { RunningTask } from './run-task.js';
import { createWatchdog } from './watchdog/watchdog.js';
import type { Worker } from './worker.js';

export type Asked =
  /** `name`: under which it waits now, where that is another. */
  { kind: 'granted'; grant: Grant | undefined; name?: string } | { kind: 'wait'; until: number } | { kind: 'gone' };

export interface Gate {
  readonly exchange: Exchange;
  start(): Promise<void>;
  ask(waiting: Waiting): Promise<Asked>;
  /** The message claimed as `id` is run under another: it was a copy. */
  runsAs(id: string, as: string): void;
  /** The message's run or refusal is over, and its file says so. */
  ended(id: string): void;
  gaveUp(id: string): void;
  stopped(id: string): void;
  close(): Promise<void>;
}

export interface GateHooks {
  running(): Iterable<RunningTask>;
  /** It may be asked for now. */
  onFree(waiting: Waiting): void;
  /** How many tasks wait in this mailbox. */
  waiting(mailbox: string): number;
  /** This root, or the one that beats under the same host id, is a copy: neither may go on. */
  onTwin(): void;
  /** Files came or went. */
  onApplied(places: Place[]): void;
}

/** Pauses before a message is asked for again, ms. */
const SOON = 150;
const OFFLINE = 5_000;
const BUSY = 60_000;
const OFFER_AGAIN = 2_000;
/** How long a stop waits for the last round, ms. */
const LAST_ROUND = 10_000;
/** How long a stop waits for its heartbeat to be taken away, ms. */
const GOODBYE = 2_000;
/** How often it is looked whether there is much to pack, ms. */
const PACK = 1_800_000;
/** How long is waited for the output of a worker that was cut off, ms. */
const LAST_OUTPUT = 5_000;
/** How often the leases of running tasks are looked at, ms. */
const WATCH = 250;

export async function openGate(
  worker: Worker,
  url: string,
  mailboxes: readonly string[],
  hooks: GateHooks,
  chores: readonly Chore[] = [],
): Promise<Gate> {
  const { root, clock } = worker;
  const { config } = root;
  /** Claimed by others, by key. */
  const busy = new Map<string, Waiting>();
  /** Abandoned messages, and when they may be offered again. */
  const offered = new Map<string, number>();
  checkPlace(root.dir, config.host);
  const heartbeat = createHeartbeat({
    config,
    mailboxes,
    running: () =>
      [...hooks.running()].map(({ id, place, since }) => ({
        id,
        mailbox: place.mailbox,
        since: new Date(since).toISOString(),
      })),
    waiting: hooks.waiting,
    now: () => clock.now(),
    onTwin(other) {
      const message = `another daemon beats as ${config.host}, process ${other.pid}, since ${other.started}: this root or that one is a copy`;
      worker.emit({ type: 'trouble', message, hint: 'in the copy: mailboxd init --new-host' });
      hooks.onTwin();
    },
  });
  const isLocal = (mailbox: string): boolean => config.claims[mailbox] === 'local';

  let told = '';
  let replying: Promise<void> | undefined;
  const onTurn = (): void => {
    for (const [key, waiting] of busy) {
      if (!exchange.isFree(key)) continue;
      busy.delete(key);
      hooks.onFree({ ...waiting, due: 0 });
    }
    // Whatever a full disk or a missing permission says here must not end the exchange; it is told once.
    try {
      offerAbandoned(exchange);
      writeStatus(exchange);
      told = '';
    } catch (error) {
      const message = messageOf(error);
      if (message !== told) worker.emit({ type: 'trouble', message });
      told = message;
    }
    // One after the other: two at once would both find a reply unsent.
    replying ??= sendPendingReplies(worker)
      .catch((error: unknown) => worker.emit({ type: 'trouble', message: `sending replies: ${messageOf(error)}` }))
      .finally(() => (replying = undefined));
  };
  /** What main shows in progress and nobody holds is waiting. */
  const offerAbandoned = ({ state, isFree }: Exchange): void => {
    const running = new Set([...hooks.running()].map((task) => `${task.place.mailbox}/${task.place.name}`));
    for (const [place, until] of offered) if (until <= performance.now()) offered.delete(place);
    for (const mailbox of mailboxes) {
      if (isLocal(mailbox)) continue;
      for (const name of listState(root.dir, mailbox, 'in_progress')) {
        const now = performance.now();
        if (running.has(`${mailbox}/${name}`) || (offered.get(`${mailbox}/${name}`) ?? 0) > now) continue;
        const bytes = readPlace(root.dir, { mailbox, state: 'in_progress', name });
        if (!bytes || /^claim:/m.test(bytes.subarray(0, 66_000).toString('latin1'))) continue;
        const id = idOf(bytes);
        if (!isFree(keyFor(state, id, mailbox, name)) || (id !== undefined && state.held.byId(id))) continue;
        offered.set(`${mailbox}/${name}`, now + OFFER_AGAIN);
        hooks.onFree({ mailbox, name, priority: 'normal', created: 0, due: 0, isShown: true });
      }
    }
  };
  const writeStatus = ({ status }: Exchange): void => {
    const { rounds, reached, problem, main } = status;
    const dir = join(hostDir(root.dir), 'git');
    mkdirSync(dir, { recursive: true });
    const value = { rounds, reached, problem: problem ?? null, main: main ?? null, pid: process.pid };
    writeFileSync(join(dir, 'status.json'), `${JSON.stringify(value)}\n`);
  };
  const find = (id: string): RunningTask | undefined => [...hooks.running()].find((task) => task.id === id);

  const exchange = await openExchange({
    ...{ root: root.dir, url, host: config.host, lease: config.lease, settle: config.settle, poll: config.poll },
    now: () => clock.now(),
    newId: () => clock.newId(),
    onTurn,
    chores: [heartbeat, createSweep(), ...chores],
    hooks: {
      onEvent: (event) => worker.emit(event),
      onApplied: (paths) => hooks.onApplied(paths.map(placeOf).filter((place) => place !== undefined)),
      onLost(held) {
        forgetReplies(root.dir, held.id);
        find(held.id)?.stop('lease');
      },
      onMoved: (held) => find(held.id)?.stop('moved'),
      withhold: (_, bytes, before) => whyWithheld(config.key, bytes, before),
    },
  });
  worker.lease = {
    left: (id) => (exchange.state.held.byId(id) ? exchange.leaseLeft(id) : isLocalTask(id) ? Infinity : 0),
    isClaimed: (id) => exchange.state.held.byId(id) !== undefined,
    isForeign: (mailbox) => !isLocal(mailbox),
  };
  const isLocalTask = (id: string): boolean => {
    const task = find(id);
    return task === undefined || isLocal(task.place.mailbox);
  };
  const onTrouble = ({ message, hint }: MailboxError): void =>
    worker.emit({ type: 'trouble', message, ...(hint !== undefined && { hint }) });
  const watchdog = createWatchdog({ onTrouble });
  worker.watchdog = watchdog;
  let extended = 0;
  /** What of a run that was cut off on another host had reached the remote: somebody may have followed it. */
  const outputOf = async (key: string): Promise<string | undefined> => {
    try {
      const task = await openTaskLook(root.dir, url, key);
      try {
        return (await task.look({ timeout: Math.min(LAST_OUTPUT, config.lease / 4) })).live?.text;
      } finally {
        await task.close();
      }
    } catch {
      return undefined; // the task runs all the same
    }
  };
  const watch = setInterval(() => {
    const isTime = performance.now() - extended > config.lease / 6;
    if (isTime) extended = performance.now();
    for (const task of hooks.running()) {
      const left = worker.lease?.left(task.id) ?? Infinity;
      try {
        if (left <= 0) task.stop('lease');
        else if (isTime && task.session !== undefined && Number.isFinite(left)) watchdog.extend(task.session, left);
      } catch (error) {
        worker.emit({ type: 'trouble', message: `watching the lease of ${task.id}: ${messageOf(error)}` });
      }
    }
  }, WATCH);

  const pack = setInterval(
    () =>
      void packLoose(root.dir).catch((error: unknown) => worker.emit({ type: 'trouble', message: messageOf(error) })),
    PACK,
  );
  pack.unref();

  return {
    exchange,
    start: () => exchange.start(),
    async ask(waiting) {
      const { mailbox, name } = waiting;
      if (isLocal(mailbox)) return { kind: 'granted', grant: undefined };
      const answer = await exchange.claim({ mailbox, state: waiting.isShown ? 'in_progress' : 'inbox', name });
      const now = clock.now();
      switch (answer.kind) {
        case 'granted': {
          const { held } = answer;
          const place = { mailbox, state: 'in_progress', name } as const;
          // Where another message of that name waits, it gets one of its own, under which it is taken.
          const moved = waiting.isShown
            ? await moveMessage(root.dir, place, { mailbox, state: 'inbox' }, worker.who)
            : waiting;
          if (!moved) {
            exchange.gaveUp(held.id);
            return { kind: 'gone' };
          }
          const { id, key, epoch, crashes } = held;
          const from = held.from === undefined ? undefined : { worker: held.from, output: await outputOf(key) };
          return {
            kind: 'granted',
            name: moved.name,
            grant: { id, epoch, crashes, isMinted: key.startsWith('file.'), ...(from && { from }) },
          };
        }
        case 'busy':
          // Whoever held it came to nothing, or the remote refuses it for no reason that can be seen.
          if (exchange.isFree(answer.key)) return { kind: 'wait', until: now + 2 * SOON };
          busy.set(answer.key, waiting);
          return { kind: 'wait', until: now + BUSY };
        case 'withheld':
          // It is refused here, where it lies in the inbox.
          return waiting.isShown ? { kind: 'wait', until: now + BUSY } : { kind: 'granted', grant: undefined };
        case 'unpublished':
          return { kind: 'wait', until: now + SOON };
        case 'offline':
          return { kind: 'wait', until: now + OFFLINE };
        case 'gone':
          return { kind: 'gone' };
      }
    },
    runsAs(id, as) {
      const held = exchange.state.held.byId(id);
      if (held) held.id = as;
    },
    ended: (id) => exchange.ended(id),
    gaveUp: (id) => exchange.gaveUp(id),
    stopped: (id) => exchange.stopped(id),
    async close() {
      // What has just ended or been handed back is published, unless the remote is away.
      await Promise.race([exchange.settled(), sleep(LAST_ROUND, undefined, { ref: false })]);
      await Promise.race([heartbeat.end(exchange.state), sleep(GOODBYE, undefined, { ref: false })]);
      clearInterval(watch);
      clearInterval(pack);
      const late = setTimeout(() => exchange.state.remote.breakOff(), GOODBYE);
      await exchange.close();
      clearTimeout(late);
      await watchdog.close();
    },
  };
}

/** The message's place that a path from the root names; undefined for anything else. */
function placeOf(path: string): Place | undefined {
  const [top, mailbox, state, ...rest] = path.split('/');
  if (top !== 'mailboxes' || !mailbox || rest.length === 0 || !path.endsWith('.md')) return undefined;
  // Month folders alone are looked into; a folder in an inbox is none of ours.
  if (rest.length > 1 && state !== 'complete' && state !== 'failed') return undefined;
  const name = rest.join('/');
  return state === 'inbox' || state === 'in_progress' || state === 'complete' || state === 'failed'
    ? { mailbox, state, name }
    : undefined;
}
