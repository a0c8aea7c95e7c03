/**
 * A mailbox that cannot run anything at present (a usage limit, a refused login, a missing program) is parked: its
 * tasks wait, and one of them is tried after 1, 2, 4 … 15 minutes, or when the limit lifts. Pure but for its file,
 * which lets other processes see it and survives a restart.
 */
import { parkedPath, readParked, type Parked, type ParkReason } from '../mailbox/parked.js';
import { replaceFile } from '../store/durable.js';

const MINUTE = 60_000;
const LONGEST = 15 * MINUTE;
/** No limit lifts later than this: a time beyond it is a mistake of whoever said it. */
const LATEST = 31 * 24 * 60 * MINUTE;

/** When to try again: at the limit's reset when that is known, else after 1, 2, 4 … 15 minutes. */
export function nextTry(now: number, tries: number, until: number | undefined): number {
  if (until !== undefined && until > now) return Math.min(until, now + LATEST);
  return now + Math.min(LONGEST, MINUTE * 2 ** Math.min(tries, 10));
}

export interface Parking {
  all(): Parked[];
  /** Whether a task of the mailbox may be tried now: it is not parked, or its time has come and none is being tried. */
  isOpen(mailbox: string, now: number): boolean;
  /** One task is being tried; others wait for what becomes of it. */
  tryOne(mailbox: string): void;
  /** The task that was tried is through, whether it ran or not: the next may be. */
  tried(mailbox: string): void;
  park(mailbox: string, reason: ParkReason, message: string, now: number, until?: number): Parked;
  /** It works again. True when it was parked. */
  unpark(mailbox: string): boolean;
  /** Tries everything at once (after `login`). */
  wake(now: number): void;
  nextTry(): number | undefined;
  /** Waits for the file to say what is so. */
  settled(): Promise<void>;
}

/** What the last daemon parked is tried at once: whatever held it may be mended. `now`: ms since 1970. */
export function createParking(root: string, now: number): Parking {
  const parked = new Map(
    readParked(root).map((item) => [item.mailbox, { ...item, next_try: new Date(now).toISOString() }]),
  );
  const trying = new Set<string>();
  let writing: Promise<void> = Promise.resolve();
  const save = (): void => {
    const text = `${JSON.stringify([...parked.values()], null, 2)}\n`;
    writing = writing.then(() => replaceFile(parkedPath(root), text)).catch(() => undefined);
  };
  return {
    all: () => [...parked.values()],
    isOpen(mailbox, now) {
      const item = parked.get(mailbox);
      return item === undefined || (Date.parse(item.next_try) <= now && !trying.has(mailbox));
    },
    tryOne: (mailbox) => {
      if (parked.has(mailbox)) trying.add(mailbox);
    },
    tried: (mailbox) => void trying.delete(mailbox),
    park(mailbox, reason, message, now, until) {
      trying.delete(mailbox);
      const before = parked.get(mailbox);
      const tries = before ? before.tries + 1 : 0;
      const item: Parked = {
        mailbox,
        reason,
        message,
        since: before?.since ?? new Date(now).toISOString(),
        next_try: new Date(nextTry(now, tries, until)).toISOString(),
        tries,
      };
      parked.set(mailbox, item);
      save();
      return item;
    },
    unpark(mailbox) {
      trying.delete(mailbox);
      const was = parked.delete(mailbox);
      if (was) save();
      return was;
    },
    wake(now) {
      for (const item of parked.values()) item.next_try = new Date(now).toISOString();
      if (parked.size > 0) save();
    },
    nextTry() {
      const times = [...parked.values()]
        .filter((item) => !trying.has(item.mailbox))
        .map((item) => Date.parse(item.next_try));
      return times.length === 0 ? undefined : Math.min(...times);
    },
    settled: () => writing,
  };
}
