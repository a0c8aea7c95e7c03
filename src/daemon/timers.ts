/** The daemon's timers that fire once, so that it knows whether any is left and can end them all. */

export interface Timers {
  later(ms: number, act: () => void): void;
  /** Asks for a look in `ms`. One timer, the earliest asked for: what still waits then asks again. */
  soon(ms: number): void;
  /** How many have not fired. */
  readonly size: number;
  /** Ends them; none is started any more. */
  close(): void;
}

export function createTimers(look: () => void): Timers {
  const timers = new Set<NodeJS.Timeout>();
  let nextLook = Infinity;
  let isClosed = false;
  const later = (ms: number, act: () => void): void => {
    if (isClosed) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      act();
    }, ms);
    timers.add(timer);
  };
  return {
    later,
    soon(ms) {
      const at = performance.now() + ms;
      if (at >= nextLook) return;
      nextLook = at;
      later(ms, () => {
        if (nextLook === at) nextLook = Infinity;
        look();
      });
    },
    get size() {
      return timers.size;
    },
    close() {
      isClosed = true;
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}
