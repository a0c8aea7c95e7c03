/**
 * One process is started a turn of the event loop. A start blocks the loop for milliseconds, and tasks that were claimed
 * together are ready together: without a turn between, what the first ones say would wait until the last one has begun.
 */
let last: Promise<void> = Promise.resolve();

/** Settles in a turn of its own, in the order of the calls. */
export function ownTurn(): Promise<void> {
  last = last.then(() => new Promise((resolve) => setImmediate(resolve)));
  return last;
}
