/** When to look at the remote again: soon while something happens, ever more seldom while nothing does. Pure but for chance. */
export interface Pace {
  /** Something happened here or there. */
  quicken(): void;
  /** The remote could not be reached. */
  fail(): void;
  /** How long to wait before the next look, ms; each call without news waits longer. */
  next(): number;
  /** A running task must hear of a cancel: never longer than this, ms; undefined: no bound. */
  bound: number | undefined;
}

const QUICKEST = 500;
/** Longest wait while the remote is away, ms. */
const AWAY = 60_000;

export function createPace(longest: number, random: () => number = Math.random): Pace {
  let wait = QUICKEST;
  let failures = 0;
  const pace: Pace = {
    bound: undefined,
    quicken() {
      wait = Math.min(QUICKEST, longest);
      failures = 0;
    },
    fail() {
      failures += 1;
    },
    next() {
      if (failures > 0) return Math.min(AWAY, 500 * 2 ** Math.min(failures, 10)) * (0.5 + random());
      const now = wait;
      wait = Math.min(longest, wait * 1.5);
      return Math.min(now, pace.bound ?? now) * (0.9 + 0.2 * random());
    },
  };
  return pace;
}
