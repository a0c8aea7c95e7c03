import { setTimeout as sleep } from 'node:timers/promises';

/** Aborts `stop` after `patience` ms (never, when undefined). Aborting it earlier ends the wait. */
export function giveUpAfter(patience: number | undefined, stop: AbortController): void {
  if (patience === undefined) return;
  void sleep(patience, undefined, { signal: stop.signal }).then(
    () => stop.abort(),
    () => undefined,
  );
}
