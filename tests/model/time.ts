/**
 * Leases and clocks: host A holds a claim and works, host B waits for it. Clocks may differ, run unevenly, be set back
 * and, the monotonic ones, stand still while the machine sleeps. All cases up to a horizon are seen.
 */
export const CLOCK_RULES = {
  watch_same_object: "take over after watching the same object on one's own clock, comparing clocks with nobody",
  larger_of_two_clocks: 'time is the larger of what the monotonic and the wall clock have advanced',
  boot_clock_too: 'and of what the clock since boot has, which sleep does not stop and nobody sets',
  count_from_before_send: 'a lease counts from before its push was sent',
  margin: 'the watcher waits for a margin longer than the lease',
} as const;

export type ClockRule = keyof typeof CLOCK_RULES;
export const CLOCK_RULE_NAMES = Object.keys(CLOCK_RULES) as ClockRule[];

/** What may go wrong with the clocks. */
export interface Clocks {
  /** B's wall clock is ahead of A's, ticks. */
  readonly skew?: number;
  readonly sleep?: boolean;
  /** A's wall clock may be set back once, by 3 ticks. */
  readonly setBack?: boolean;
  /** B's clocks gain a tick in each lease. */
  readonly drift?: boolean;
  /** The system has no clock that counts sleep and cannot be set. */
  readonly noBootClock?: boolean;
  /** A push may take a tick to arrive and be answered. */
  readonly slow?: boolean;
}

const LEASE = 3;
const MARGIN = 2;
const HORIZON = 10;

interface Moment {
  readonly now: number;
  /** A's clocks beside real time: monotonic and wall. */
  readonly mono: number;
  readonly wallShift: number;
  readonly asleep: boolean;
  /** The claim's object, and the wall time at which it says to end. */
  readonly object: number;
  readonly end: number;
  /** A's clocks when the lease that it relies on began, and the push under way. */
  readonly since: { readonly now: number; readonly mono: number; readonly wall: number };
  readonly sent: { readonly now: number; readonly mono: number; readonly wall: number } | null;
  readonly renewals: number;
  readonly watched: { readonly object: number; readonly since: number } | null;
  readonly taken: boolean;
}

type Has = Readonly<Record<ClockRule, boolean>>;

export function clockRulesWithout(off?: ClockRule): Has {
  return Object.fromEntries(CLOCK_RULE_NAMES.map((name) => [name, name !== off])) as Record<ClockRule, boolean>;
}

/** How long A believes to have held its lease. */
function ageOf(has: Has, clocks: Clocks, at: Moment): number {
  const mono = at.mono - at.since.mono;
  const wall = at.now + at.wallShift - at.since.wall;
  const boot = at.now - at.since.now;
  return Math.max(
    mono,
    has.larger_of_two_clocks ? wall : mono,
    has.boot_clock_too && clocks.noBootClock !== true ? boot : mono,
  );
}

function works(has: Has, clocks: Clocks, at: Moment): boolean {
  if (at.asleep) return false;
  return has.watch_same_object ? ageOf(has, clocks, at) < LEASE : at.now + at.wallShift < at.end;
}

function clocksOf({ now, mono, wallShift }: Moment): Moment['since'] {
  return { now, mono, wall: now + wallShift };
}

/** B's clock between two moments: exact, or a tick fast in each lease. */
function passed(clocks: Clocks, from: number, to: number): number {
  return to - from + (clocks.drift === true ? Math.floor((to - from) / (LEASE - 1)) : 0);
}

function nextMoments(has: Has, clocks: Clocks, at: Moment): { label: string; next: Moment }[] {
  const all: { label: string; next: Moment }[] = [];
  const add = (label: string, change: Partial<Moment>): void => void all.push({ label, next: { ...at, ...change } });
  if (at.now < HORIZON) add('tick', { now: at.now + 1, mono: at.mono + (at.asleep ? 0 : 1) });
  if (clocks.sleep === true) add(at.asleep ? 'A wakes' : 'A sleeps', { asleep: !at.asleep });
  if (clocks.setBack === true && at.wallShift === 0) add("A's wall clock is set back", { wallShift: -3 });
  if (!at.taken && at.sent === null && at.renewals < 2 && works(has, clocks, at)) {
    const renewed = { object: at.object + 1, end: at.now + at.wallShift + LEASE, renewals: at.renewals + 1 };
    add('A renews', { ...renewed, since: clocksOf(at) });
    if (clocks.slow === true)
      add('A sends a renewal: it lands, the answer is on its way', { ...renewed, sent: clocksOf(at) });
  }
  if (at.sent !== null && !at.asleep) {
    add('A hears that it landed', { since: has.count_from_before_send ? at.sent : clocksOf(at), sent: null });
  }
  if (at.taken) return all;
  if (!has.watch_same_object) {
    if (at.now + (clocks.skew ?? 0) >= at.end) add('B reads that the lease has ended, and takes over', { taken: true });
    return all;
  }
  if (at.watched?.object !== at.object) {
    add('B sees the claim', { watched: { object: at.object, since: at.now } });
  } else if (passed(clocks, at.watched.since, at.now) >= LEASE + (has.margin ? MARGIN : 0)) {
    add('B has watched it for long enough, and takes over', { taken: true });
  }
  return all;
}

/** All that can happen: the first way to both working, each within its own lease, or none. */
export function exploreClocks(has: Has, clocks: Clocks): { states: number; trace: readonly string[] | null } {
  const zero = { now: 0, mono: 0, wall: 0 };
  const first: Moment = {
    ...{ now: 0, mono: 0, wallShift: 0, asleep: false, object: 1, end: LEASE, since: zero, sent: null },
    ...{ renewals: 0, watched: null, taken: false },
  };
  const seen = new Set([JSON.stringify(first)]);
  const queue: { at: Moment; trace: readonly string[] }[] = [{ at: first, trace: [] }];
  for (const { at, trace } of queue) {
    if (at.taken && works(has, clocks, at)) return { states: seen.size, trace };
    for (const { label, next } of nextMoments(has, clocks, at)) {
      const key = JSON.stringify(next);
      if (seen.has(key)) continue;
      seen.add(key);
      queue.push({ at: next, trace: [...trace, label] });
    }
  }
  return { states: seen.size, trace: null };
}
