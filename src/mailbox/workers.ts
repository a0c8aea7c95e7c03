/**
 * Which hosts are there, judged by this machine's clock alone: a heartbeat is an object that changes, and what counts is
 * when this machine saw it change. `.mailboxd/git/presence.json` remembers that from one command to the next; it is
 * derived and may be deleted. Only where this machine has not looked often enough to know, the host's own clock is
 * believed, and that is said.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Presence } from '../git/presence.js';
import { openPresenceLook, type PresenceLook, type SeenPresence } from '../git/presence-look.js';
import { replaceFile } from '../store/durable.js';
import { hostDir } from '../store/paths.js';

export type Liveness = 'alive' | 'late' | 'gone';

export interface WorkerView {
  presence: Presence;
  state: Liveness;
  /** `here`: by what this machine saw. `there`: by the host's own clock. */
  judged: 'here' | 'there';
  /** For how long at least it has not changed, ms. */
  quiet: number;
}

export interface WorkersView {
  /** By host. */
  workers: WorkerView[];
  /** What stands on the remote and cannot be read. */
  unreadable: { host: string; problem: string }[];
}

/** What this machine knows of one host's heartbeat; times in ms since 1970, by its own clock. */
export interface Sighting {
  oid: string;
  /** When this object was first seen. */
  first: number;
  /** The last look before that, in which it was not there yet; undefined: there was none. */
  before: number | undefined;
  /** The last look. */
  last: number;
}

/** Beats that may be missing before a host is late, and before it is gone. */
const LATE = 2;
const GONE = 5;
const LARGEST = 1024 * 1024;

/** What is known after a look at `now` that found `oid`. Pure. */
export function noteSighting(known: Sighting | undefined, oid: string, now: number): Sighting {
  // A clock that was set back: nothing that was noted means anything any more.
  if (!known || known.last > now) return { oid, first: now, before: undefined, last: now };
  if (known.oid === oid) return { ...known, last: now };
  return { oid, first: now, before: known.last, last: now };
}

/** Pure. */
export function judgeWorker(presence: Presence, seen: Sighting, now: number): WorkerView {
  const { interval } = presence;
  const quiet = now - seen.first;
  const view = { presence, judged: 'here', quiet } as const;
  if (quiet > GONE * interval) return { ...view, state: 'gone' };
  if (quiet > LATE * interval) return { ...view, state: 'late' };
  // It changed after the look before: if that was not long ago, the host lives.
  if (seen.before !== undefined && now - seen.before <= LATE * interval) return { ...view, state: 'alive' };
  const isRecent = Math.abs(now - Date.parse(presence.at)) <= GONE * interval;
  return { ...view, judged: 'there', state: isRecent ? 'alive' : 'gone' };
}

export interface Workers {
  /** Throws `unavailable` when the remote cannot be reached. */
  read(options?: { signal?: AbortSignal }): Promise<WorkersView>;
  close(): void;
}

/** `now`: wall clock, ms since 1970. */
export function openWorkers(root: string, url: string, now: () => number): Workers {
  const ownDir = join(hostDir(root), 'git');
  const path = join(ownDir, 'presence.json');
  const look: PresenceLook = openPresenceLook({ root, ownDir, url });
  return {
    async read(options) {
      const found = await look.read(options);
      const time = now();
      const memory = readMemory(path);
      const sightings = new Map(found.map(({ host, oid }) => [host, noteSighting(memory.get(host), oid, time)]));
      mkdirSync(dirname(path), { recursive: true });
      await replaceFile(path, `${JSON.stringify(Object.fromEntries(sightings))}\n`);
      return {
        workers: found.flatMap(({ host, presence }) => {
          const sighting = sightings.get(host);
          return presence && sighting ? [judgeWorker(presence, sighting, time)] : [];
        }),
        unreadable: found.flatMap(({ host, problem }: SeenPresence) =>
          problem === undefined ? [] : [{ host, problem }],
        ),
      };
    },
    close: () => look.close(),
  };
}

/** What cannot be read is not known. */
function readMemory(path: string): Map<string, Sighting> {
  try {
    const text = readFileSync(path, 'utf8');
    const value: unknown = text.length > LARGEST ? {} : JSON.parse(text);
    const isTime = (time: unknown): time is number => typeof time === 'number' && Number.isFinite(time);
    return new Map(
      Object.entries(value as Record<string, Partial<Sighting>>).flatMap(([host, { oid, first, before, last }]) =>
        typeof oid === 'string' && isTime(first) && isTime(last)
          ? [[host, { oid, first, before: isTime(before) ? before : undefined, last }] as const]
          : [],
      ),
    );
  } catch {
    return new Map();
  }
}
