/**
 * Live output for other hosts, while somebody follows: a `follow` ref that changes asks for the output of a task that
 * runs here; its file is sent every 2 s when it changed, a large one more seldom, all tasks in one push. When nobody
 * follows any more, or the run is over, it is taken away. What counts as fresh is told by this host's clock alone.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from '../core/message.js';
import type { Chore } from '../git/exchange/exchange.js';
import type { ExchangeState } from '../git/exchange/state.js';
import { liveBytes, writeLive } from '../git/live.js';
import { refOf } from '../git/ref-names.js';
import { openRemote, type RefUpdate } from '../git/remote.js';
import { BRANCH } from '../git/repository.js';
import { openSideRepository, type SideRepository } from '../git/side-repository.js';
import { readPlace } from '../mailbox/locate.js';
import { statMessage } from '../store/list.js';

export interface LiveTask {
  id: string;
  place: Place;
}

/** What it needs of a `Worker` (worker.ts). */
export interface LiveWorker {
  root: { dir: string; config: { host: string } };
  clock: { now(): number };
  lease?: { left(id: string): number };
}

export interface LiveTimes {
  /** How often the output is sent at most, ms. */
  often: number;
  /** For how long a `follow` ref counts that does not change, ms. */
  fresh: number;
  /** And for how long it stands when its task does not run here, ms: whoever asked is gone. */
  forgotten: number;
}

const TIMES: LiveTimes = { often: 2_000, fresh: 60_000, forgotten: 600_000 };
/** Bytes of output a second, by which a large file is sent more seldom. */
const RATE = 256 * 1024;
/** After a failure, ms. */
const AGAIN = 10_000;

interface Sent {
  /** What this host put there. */
  oid: string;
  /** Size and time of the file that it was made from. */
  stamp: string;
  /** When it may be replaced, ms of `performance.now()`. */
  next: number;
}

export function createLive(
  worker: LiveWorker,
  running: () => Iterable<LiveTask>,
  { often, fresh, forgotten }: LiveTimes = TIMES,
): Chore {
  const root = worker.root.dir;
  const notePath = join(root, '.mailboxd', 'git', 'live.json');
  /** By name of the ref. */
  const sent = new Map<string, Sent>();
  /** By name: the object that asks, and since when it is the same, ms of `performance.now()`. */
  const asked = new Map<string, { oid: string; since: number; isRemoved?: boolean }>();
  /** How long this host may still publish it, ms. */
  const left = (id: string): number => worker.lease?.left(id) ?? 0;
  let state: ExchangeState | undefined;
  let side: SideRepository | undefined;
  let lastPush = -Infinity;
  /** After a failure: not before this. */
  let notBefore = 0;

  const note = (): void => {
    if (sent.size === 0) return rmSync(notePath, { force: true });
    mkdirSync(join(root, '.mailboxd', 'git'), { recursive: true });
    writeFileSync(notePath, `${JSON.stringify([...sent].map(([name, { oid }]) => [name, oid]))}\n`);
  };
  /** What a process that was killed has left on the remote. */
  const recall = (): void => {
    try {
      const left = JSON.parse(readFileSync(notePath, 'utf8')) as [string, string][];
      for (const [name, oid] of left) sent.set(name, { oid, stamp: '', next: 0 });
    } catch {
      // nothing is left there, or nothing that can be read
    }
  };
  const look = (from: ExchangeState): void => {
    const now = performance.now();
    const names = new Set<string>();
    for (const [ref, oid] of from.view.refs) {
      if (!ref.startsWith('follow/')) continue;
      const name = ref.slice('follow/'.length);
      names.add(name);
      if (asked.get(name)?.oid !== oid) asked.set(name, { oid, since: now });
    }
    for (const name of asked.keys()) if (!names.has(name)) asked.delete(name);
  };
  /** The tasks that run here and are followed, by name of the ref. */
  const followed = (from: ExchangeState): Map<string, LiveTask> => {
    const found = new Map<string, LiveTask>();
    if (asked.size === 0) return found;
    const now = performance.now();
    for (const task of running()) {
      if (left(task.id) <= 0) continue;
      for (const name of [task.id, from.held.byId(task.id)?.key]) {
        const asking = name === undefined ? undefined : asked.get(name);
        if (name !== undefined && asking && now - asking.since < fresh) found.set(name, task);
      }
    }
    return found;
  };
  const stampOf = ({ place }: LiveTask): string | undefined => {
    const stat = statMessage(root, place);
    return stat && `${stat.size} ${stat.mtimeMs}`;
  };

  /** When the next turn is due, ms of `performance.now()`. */
  const due = (from: ExchangeState): number => {
    look(from);
    const wanted = followed(from);
    for (const name of sent.keys()) if (!wanted.has(name)) return 0;
    const now = performance.now();
    const stale = [...asked].map(([name, { since, isRemoved }]) =>
      isRemoved ? Infinity : since + (isRunning(name, from) ? fresh : forgotten),
    );
    // While it is followed it is looked at every so often whether it has changed: that costs a stat.
    const sends = [...wanted].map(([name, task]) => {
      const last = sent.get(name);
      const isNew = last === undefined || last.stamp !== stampOf(task);
      return Math.max(last?.next ?? 0, lastPush + often, isNew ? 0 : now + often / 2);
    });
    return Math.min(...stale, ...sends, Infinity);
  };
  const isRunning = (name: string, from: ExchangeState): boolean =>
    [...running()].some(({ id }) => id === name || from.held.byId(id)?.key === name);

  /** False when it came to nothing, and is to be tried again later. */
  const turn = async (from: ExchangeState): Promise<boolean> => {
    const { remote, repository } = from;
    const now = performance.now();
    look(from);
    const wanted = followed(from);
    const updates: RefUpdate[] = [];
    for (const [name, { oid }] of sent) {
      if (!wanted.has(name)) updates.push({ ref: refOf(remote.space, 'live', name), from: oid, to: null });
    }
    for (const [name, { oid, since, isRemoved }] of asked) {
      if (isRemoved || now - since < (isRunning(name, from) ? fresh : forgotten)) continue;
      updates.push({ ref: refOf(remote.space, 'follow', name), from: oid, to: null });
    }
    const written = new Map<string, Sent>();
    for (const [name, task] of lastPush + often <= now ? wanted : []) {
      const last = sent.get(name);
      const stamp = stampOf(task);
      const whole = stamp === undefined || stamp === last?.stamp || (last?.next ?? 0) > now;
      const bytes = whole ? undefined : readPlace(root, task.place);
      if (stamp === undefined || bytes === undefined) continue;
      side ??= await openSideRepository(root, remote.url);
      const cut = liveBytes(bytes);
      const by = { identity: repository.identity, host: worker.root.config.host, now: worker.clock.now() };
      const oid = await writeLive(side, name, cut, by);
      written.set(name, { oid, stamp, next: now + Math.max(often, (cut.length / RATE) * 1_000) });
    }
    // Written down before the push: what may have landed is known after a crash.
    for (const [name, value] of written) sent.set(name, value);
    if (written.size > 0) {
      note();
      lastPush = now;
    }
    for (const [name, { oid }] of written) {
      // A last look: between the reading and the push the lease may have ended.
      const task = wanted.get(name);
      if (task && left(task.id) > 0) updates.push({ ref: refOf(remote.space, 'live', name), from: 'any', to: oid });
    }
    const isWhole = updates.length === 0 || (await push(from, updates));
    if (sent.size === 0 && wanted.size === 0) {
      side?.close();
      side = undefined;
    }
    return isWhole;
  };
  /** By a hand of its own: a push through the exchange's makes its next look read every ref anew. */
  const push = async ({ repository, remote }: ExchangeState, updates: RefUpdate[]): Promise<boolean> => {
    const own = openRemote(side?.dir ?? repository.dir, side?.url ?? remote.url, BRANCH, remote.space);
    const result = await own.push(updates);
    if (result.kind === 'unknown') {
      // What was to be replaced or removed may be there or not: it is tried again, and never waited for.
      for (const value of sent.values()) value.stamp = '';
      return false;
    }
    let isWhole = true;
    for (const { ref, to } of updates) {
      const [, kind, name = ''] = /\/(live|follow)\/([^/]+)$/.exec(ref) ?? [];
      if (to !== null) {
        if (result.fates.get(ref) === 'ok') continue;
        sent.delete(name);
        isWhole = false;
      } else if (kind === 'live') sent.delete(name);
      else {
        // Refused: it has changed meanwhile. Either way the next look tells.
        const asking = asked.get(name);
        if (asking) asking.isRemoved = true;
      }
    }
    note();
    return isWhole;
  };

  return {
    wait() {
      if (!state) return 0;
      const time = performance.now();
      return Math.max(notBefore - time, due(state) - time);
    },
    async turn(from) {
      if (!state) recall();
      state = from;
      notBefore = performance.now() + AGAIN; // if it throws
      if (await turn(from)) notBefore = 0;
    },
  };
}
