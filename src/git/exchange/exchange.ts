/**
 * The exchange of a root with its remote, all the time: one thing after the other, in the order of what cannot wait
 * (renewals, then claims, then news). Everything that may have changed rings; a ring only cuts the pause short.
 */
import { MailboxError, messageOf } from '../../core/errors.js';
import { longestSince } from '../../core/lease.js';
import type { HeldState } from '../held.js';
import type { Busy } from '../repository.js';
import { answerClaims, type AskedClaim, type ClaimReply } from './answer.js';
import { dueForRenewal, nextRenewals, renew, type ClaimRequest } from './claim.js';
import { buryLost } from './bury.js';
import { follow, isFollowing } from './follow.js';
import { settleLoaded } from './loaded.js';
import { look, mayTakeOver } from './look.js';
import { watchNews, type Notice } from './notice.js';
import { openState, type OpenExchange } from './open.js';
import { createPace } from './pace.js';
import { exchangeOnce } from './round.js';
import { rescueLeases } from './rescue.js';
import { showRunning } from './show.js';
import { createTeller, type ExchangeStatus } from './status.js';
import type { ExchangeState } from './state.js';

export interface Exchange extends AsyncDisposable {
  readonly status: ExchangeStatus;
  readonly state: ExchangeState;
  /** Begins; settles after the first round, whether or not the remote could be reached. */
  start(): Promise<void>;
  /** Asks for the claim of a waiting message. `offline`: the remote could not be asked. */
  claim(request: ClaimRequest): Promise<ClaimReply>;
  /** Whether this host may run it, now. */
  holds(id: string): boolean;
  /** Until when at most, ms from now; 0 when not at all. */
  leaseLeft(id: string): number;
  /** Its run is over, or it was ended without one: what the folders say is published, and the claim let go. */
  ended(id: string): void;
  /** Nothing came of the claim. */
  gaveUp(id: string): void;
  /** The claim was lost and nobody here works on it any more. */
  stopped(id: string): void;
  /** Whether the message claimed under `key` can be asked for again. */
  isFree(key: string): boolean;
  /** Look at once: at the folders, and with `remote` at the remote too. */
  ring(how?: { remote?: boolean; folder?: string }): void;
  /** Settles when everything here has been published, or cannot be. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** Something else that has its turn in the exchange: the heartbeat, the output for followers. */
export interface Chore {
  /** How long until it wants a turn, ms; Infinity: not by itself. */
  wait(): number;
  /** Called with nothing else under way. What it throws is told once. */
  turn(state: ExchangeState): Promise<void>;
}

export interface ExchangeOptions extends OpenExchange {
  chores?: readonly Chore[];
  /** Longest pause between two looks at the remote, ms. */
  poll: number;
  /** A turn is over: claims and folders may have changed. */
  onTurn(): void;
  /** One look and one round at a time, when asked: `mailboxd sync`. */
  manual?: boolean;
}

/** How often the folders are looked at without any ring, and how often every file's times are, ms. */
const RESCAN = 3_000;
const DEEP = 60_000;
const MANY = 20; // turns that one call may take when they are made by hand
/** How long the person's branch may stay behind main while nothing else is to be done, ms. */
const FOLLOW = 300;

export async function openExchange(options: ExchangeOptions): Promise<Exchange> {
  const { state, close: closeState } = await openState(options);
  const pace = createPace(options.poll);
  const status: ExchangeStatus = { reached: undefined, problem: undefined, rounds: 0, main: undefined };
  const requests: AskedClaim[] = [];
  const started = state.instant();
  let notice: Notice | undefined;
  let wake: () => void = () => undefined;
  let isRung = true;
  let isRemoteRung = true;
  let isClosed = false;
  let nextLook = 0;
  let lastScan = 0;
  let lastDeep = 0;
  let nextFollow = 0;
  let isBehind = false;
  /** What a person is in the middle of, and why their branch stays where it is. */
  let busy: Busy | undefined;
  let stays: ExchangeStatus['problem'];
  let loop: Promise<void> | undefined;
  let rescuer: { close(): Promise<void> } | undefined;
  let waiters: (() => void)[] = [];

  const tellProblem = createTeller(state.hooks, status);
  const reached = (): void => {
    status.reached = options.now();
    status.main = state.view.main;
  };
  const lookNow = async (): Promise<void> => {
    const before = state.view;
    const isQuiet = !isRemoteRung;
    isRemoteRung = false;
    await look(state, { isQuiet });
    reached();
    if (state.view !== before) {
      isRung = true;
      pace.quicken();
    }
    pace.bound = [...state.held.all.values()].some((held) => held.isActive) ? 3_000 : undefined;
    nextLook = performance.now() + pace.next();
  };

  const renewDue = async (): Promise<void> => {
    const due = dueForRenewal(state);
    if (due.length === 0) return;
    const shown = new Set(await showRunning(state, due));
    if (shown.size > 0) isRung = true;
    const isWhole = await renew(
      state,
      due.filter((held) => !shown.has(held)),
    );
    if (!isWhole) isRemoteRung = true;
  };

  const round = async (): Promise<void> => {
    isRung = false;
    state.again = undefined;
    const deep = performance.now() - lastDeep > DEEP;
    lastScan = performance.now();
    if (deep) lastDeep = lastScan;
    await settleLoaded(state, started);
    const result = await exchangeOnce(state, { deep });
    notice?.adapt();
    status.main = state.view.main;
    if (result.moved > 0) pace.quicken();
    if (result.isUnfinished) isRung = true;
    if (!result.busy && (await buryLost(state))) isRung = true;
    busy = result.busy;
  };
  /** The person's branch and index cost as much as they are large: they follow when nothing else is to be done. */
  const followWhenIdle = async (): Promise<void> => {
    isBehind = !busy && !(await isFollowing(state));
    if (!isBehind) stays = undefined;
    const isIdle = options.manual || (!isRung && !isRemoteRung && requests.length === 0);
    if (!isBehind || !isIdle || (performance.now() < nextFollow && !options.manual)) return;
    const begun = performance.now();
    const followed = await follow(state);
    isBehind = followed.kind !== 'followed';
    nextFollow = performance.now() + Math.max(isBehind ? RESCAN : FOLLOW, 10 * (performance.now() - begun));
    if (followed.kind === 'carries') isRung = !options.manual;
    const { why, hint } = followed.kind === 'waits' ? followed : {};
    stays = why === undefined ? undefined : { message: `your branch does not follow main: ${why}`, hint };
  };

  const turn = async (): Promise<void> => {
    try {
      await renewDue();
      if (isRemoteRung || (!options.manual && performance.now() >= nextLook)) await lookNow();
      if (requests.length > 0) {
        if (await answerClaims(state, requests.splice(0))) isRung = true;
        pace.quicken();
      }
      if (isRung || performance.now() - lastScan >= Math.min(RESCAN, state.again ?? RESCAN)) await round();
      for (const chore of options.chores ?? []) if (chore.wait() <= 0) await chore.turn(state);
      await followWhenIdle();
      tellProblem(busy ?? stays);
      status.rounds += 1;
    } catch (error) {
      const fault =
        error instanceof MailboxError ? error : new MailboxError('failed', messageOf(error), { cause: error });
      for (const { answer } of requests.splice(0)) answer({ kind: 'offline' });
      if (performance.now() >= nextLook) pace.fail(); // a try that a ring asked for puts off no other
      isRung = true;
      isRemoteRung = true;
      const isHolding = [...state.held.all.values()].some((held) => held.isActive);
      nextLook = performance.now() + Math.min(pace.next(), isHolding ? options.lease / 6 : Infinity);
      tellProblem(fault);
      failing = true;
    }
    const done = waiters;
    if (!isRung || failing) {
      waiters = [];
      for (const resolve of done) resolve();
    }
    options.onTurn();
  };
  let failing = false;

  const pause = (): Promise<void> => {
    const now = performance.now();
    const dues = nextRenewals(state, now);
    const chores = failing ? [] : (options.chores ?? []).map((chore) => Math.max(0, chore.wait()));
    if (isBehind && !failing) chores.push(Math.max(0, nextFollow - now));
    const isNow = !failing && (isRung || isRemoteRung || requests.length > 0);
    const quiet = failing
      ? nextLook - now
      : Math.min(nextLook - now, lastScan + Math.min(RESCAN, state.again ?? RESCAN) - now);
    const wait = isNow ? 0 : Math.max(failing ? 100 : 0, Math.min(quiet, ...dues.filter((due) => due > 0), ...chores));
    failing = false;
    if (wait <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, wait);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  };

  const find = (id: string): HeldState | undefined => state.held.byId(id);
  const exchange: Exchange = {
    status,
    state,
    async start() {
      isRemoteRung = true;
      if (options.manual) return turn();
      notice = watchNews(options.root, options.url, {
        local: (folder) => exchange.ring({ folder }),
        remote: () => exchange.ring({ remote: true }),
      });
      await turn();
      rescuer = rescueLeases(state);
      loop = (async () => {
        while (!isClosed) {
          await pause();
          if (!isClosed) await turn();
        }
      })();
    },
    claim(request) {
      if (isClosed) return Promise.resolve({ kind: 'offline' });
      return new Promise((answer) => {
        requests.push({ request, answer });
        wake();
      });
    },
    holds: (id) => exchange.leaseLeft(id) > 0,
    leaseLeft(id) {
      const held = find(id);
      if (!held?.sent || held.isLost) return 0;
      return Math.max(0, held.lease - longestSince(held.sent, state.instant()));
    },
    ended(id) {
      const held = find(id);
      if (!held) return;
      held.isActive = false;
      held.isEnded = !held.isLost;
      exchange.ring();
    },
    gaveUp(id) {
      const held = find(id);
      if (!held) return;
      held.isActive = false;
      held.isEnded = true;
      exchange.ring();
    },
    stopped(id) {
      const held = find(id);
      if (held) {
        held.isActive = false;
        // Even when nobody has taken it: what ran beyond the lease is not published.
        held.isLost = true;
      }
      exchange.ring({ remote: true });
    },
    isFree: (key) => !state.held.all.has(key) && (!state.seen.has(key) || mayTakeOver(state, key)),
    ring({ remote = false, folder } = {}) {
      if (folder !== undefined) state.working.touch(folder);
      if (remote) isRemoteRung = true;
      else isRung = true;
      wake();
    },
    async settled() {
      if (isClosed) return;
      isRung = true;
      const done = new Promise<void>((resolve) => waiters.push(resolve));
      wake();
      for (let turns = 0; options.manual && waiters.length > 0 && turns < MANY; turns += 1) await turn();
      // Turned by hand, it does not wait for a race that is never won.
      if (!options.manual) await done;
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      wake();
      await loop;
      await rescuer?.close();
      notice?.close();
      for (const { answer } of requests.splice(0)) answer({ kind: 'offline' });
      for (const resolve of waiters) resolve();
      await closeState();
    },
    [Symbol.asyncDispose]: () => exchange.close(),
  };
  return exchange;
}
