/**
 * One exchange now, for whoever runs no daemon: look at the remote, publish what is new here, bring the folders up to
 * main, until nothing is left. Where a daemon exchanges for this root already, its bell is rung and its turn awaited.
 */
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { v7 } from 'uuid';
import { MailboxError } from '../core/errors.js';
import { openExchange, type ExchangeOptions } from '../git/exchange/exchange.js';
import { look } from '../git/exchange/look.js';
import { lockHolder, openState } from '../git/exchange/open.js';
import { follow } from '../git/exchange/follow.js';
import { exchangeOnce } from '../git/exchange/round.js';
import type { ExchangeEvent, ExchangeState } from '../git/exchange/state.js';
import { checkPlace } from '../git/identity.js';
import { SEEN } from '../git/ref-names.js';
import { runGit } from '../git/run.js';
import { pidOf } from '../host/process-id.js';
import { hostDir } from '../store/paths.js';
import { acceptRewrite, type Accepted } from './accept-rewrite.js';
import { whyWithheld } from './provenance.js';
import type { Root } from './root.js';
import { ringBell } from './serving.js';

interface Problem {
  message: string;
  hint: string | undefined;
}

export interface SyncReport {
  /** Who did it: this process, or the daemon that exchanges for this root. */
  by: 'sync' | 'daemon';
  /** Messages and other files that went out and came in; undefined where the daemon did it, which tells in its log. */
  sent: number | undefined;
  received: number | undefined;
  /** The commit of main on the remote; undefined: it is empty. */
  main: string | undefined;
  /** What is in the way although the remote was reached: a rebase of the person's, a file that cannot travel. */
  problems: Problem[];
  /** True when something that was to be exchanged is left, for the reason in `problems`. */
  isHeldBack: boolean;
  accepted: Accepted | undefined;
}

/** What a daemon writes to `.mailboxd/git/status.json` after each turn of its exchange. */
export interface StatusFile {
  rounds: number;
  /** When the remote was last reached, ms since 1970. */
  reached: number | null;
  problem: { message: string; hint?: string | null } | null;
  main: string | null;
  pid: number;
}

export interface SyncOptions {
  /** Go on with the remote's new history; nothing of either side is lost. */
  acceptRewrite?: boolean;
  /** How long a daemon may take, ms. */
  patience?: number;
}

const ROUNDS = 5;
/** Longest wait for a file that somebody is still writing, ms. */
const LONGEST_REST = 2_000;

/**
 * Throws `invalid` without a remote, `unavailable` when it cannot be reached, `conflict` when its history was rewritten
 * or this root is a copy of another.
 */
export async function syncRoot({ dir, config }: Root, options: SyncOptions = {}): Promise<SyncReport> {
  const { remote: url, host } = config;
  if (url === undefined) {
    throw new MailboxError('invalid', `found no remote in ${join(hostDir(dir), 'config.yaml')}, expected one`, {
      hint: 'name one: mailboxd init --remote URL',
    });
  }
  mkdirSync(join(hostDir(dir), 'git'), { recursive: true });
  checkPlace(dir, host);
  const holder = lockHolder(join(hostDir(dir), 'git'));
  if (holder !== undefined) {
    if (options.acceptRewrite) {
      throw new MailboxError('conflict', `process ${pidOf(holder)} exchanges for this root`, {
        hint: 'stop it (Ctrl-C, or mailboxd service stop), then accept the rewrite and start it again',
      });
    }
    return askDaemon(dir, pidOf(holder), options.patience ?? 30_000);
  }
  const events: ExchangeEvent[] = [];
  const arrived = new Set<string>();
  const exchanging: ExchangeOptions = {
    ...{ root: dir, url, host, lease: config.lease, settle: config.settle, poll: config.poll },
    ...{ now: Date.now, newId: () => v7(), manual: true, onTurn: () => undefined },
    hooks: {
      onEvent: (event) => void events.push(event),
      onApplied: (paths) => paths.forEach((path) => arrived.add(path)),
      onLost: () => undefined,
      onMoved: () => undefined,
      withhold: (_, bytes, before) => whyWithheld(config.key, bytes, before),
    },
  };
  let accepted: Accepted | undefined;
  if (options.acceptRewrite) {
    const { state, close } = await openState(exchanging);
    try {
      accepted = await acceptRewrite(state, new Date());
    } finally {
      await close();
    }
  }
  const { problem, main, isLeft } = await exchangeAll(exchanging);
  const told = events.flatMap((event) => (event.type === 'trouble' ? [event] : []));
  const problems = new Map([...told, ...(problem ? [problem] : [])].map((one) => [one.message, one]));
  return {
    by: 'sync',
    sent: events.reduce((sum, event) => sum + (event.type === 'published' ? event.messages : 0), 0),
    received: [...arrived].filter((path) => statSync(join(dir, path), { throwIfNoEntry: false })).length,
    main,
    problems: [...problems.values()].map(({ message, hint }) => ({ message, hint })),
    isHeldBack: problem !== undefined || isLeft,
    accepted,
  };
}

/** Turns until nothing is left, or nothing more comes of it. */
async function exchangeAll(
  options: ExchangeOptions,
): Promise<{ problem: Problem | undefined; main: string | undefined; isLeft: boolean }> {
  const exchange = await openExchange(options);
  const { state, status } = exchange;
  let before: string | undefined;
  try {
    for (let rounds = 1; ; rounds += 1) {
      exchange.ring({ remote: true });
      exchange.ring();
      await exchange.start();
      const problem = status.problem && (await findProblem(state));
      const left = [...(await state.working.scan(state.base)).keys()].toSorted().join('\n');
      const isLeft = left !== '';
      const rest = state.again;
      const isStuck = left === before && rest === undefined;
      before = left;
      if (problem || rounds >= ROUNDS || isStuck || (!isLeft && rest === undefined))
        return { problem, main: state.view.main, isLeft };
      if (rest !== undefined) await sleep(Math.min(rest, LONGEST_REST));
    }
  } finally {
    // What a fetch brought that this host does not go on from (a rewrite) must be found again by the next one; and what
    // was published is known to be there.
    const { main } = state.view;
    if (main !== undefined) await runGit(options.root, ['update-ref', `${SEEN}/main`, main]);
    await exchange.close();
  }
}

/** A turn met a problem: it is done once more, for the fault itself. Returns what a person is in the middle of. */
async function findProblem(state: ExchangeState): Promise<Problem | undefined> {
  await look(state);
  const { busy } = await exchangeOnce(state);
  if (busy) return busy;
  const followed = await follow(state);
  if (followed.kind !== 'waits') return undefined;
  return { message: `your branch does not follow main: ${followed.why}`, hint: followed.hint };
}

/** Rings for the daemon and waits until its exchange went round. */
async function askDaemon(dir: string, pid: number, patience: number): Promise<SyncReport> {
  const path = join(hostDir(dir), 'git', 'status.json');
  const before = readStatus(path);
  ringBell(dir);
  // The file system's clock, which may be a little behind the other.
  const rung = statSync(join(hostDir(dir), 'bell')).mtimeMs;
  const began = performance.now();
  for (;;) {
    const status = readStatus(path);
    const isNew = status !== undefined && status.at >= rung;
    if (isNew && status.problem) {
      const { message, hint } = status.problem;
      throw new MailboxError('unavailable', `process ${pid} exchanges for this root: ${message}`, {
        hint: hint ?? 'mailboxd doctor says more',
      });
    }
    if (isNew && status.rounds > (before?.rounds ?? 0) && (status.reached ?? 0) >= rung)
      return {
        ...{ by: 'daemon', sent: undefined, received: undefined, main: status.main ?? undefined },
        ...{ problems: [], isHeldBack: false, accepted: undefined },
      };
    if (performance.now() - began > patience) {
      throw new MailboxError(
        'unavailable',
        `process ${pid} exchanges for this root, and did not go round within ${patience / 1000} s`,
        { hint: 'look into .mailboxd/logs, or run mailboxd doctor' },
      );
    }
    await sleep(25);
  }
}

/** What the daemon last wrote, and when, ms since 1970. */
export function readStatus(path: string): (StatusFile & { at: number }) | undefined {
  try {
    const at = statSync(path).mtimeMs;
    return { ...(JSON.parse(readFileSync(path, 'utf8')) as StatusFile), at };
  } catch {
    return undefined; // none yet, or it is being written
  }
}
