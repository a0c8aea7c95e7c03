/**
 * How long a claim is one's own. Nobody compares clocks with another host: a holder counts from before its last
 * accepted push was sent, a watcher from when it first saw the claim's object. Pure; instants are arguments.
 */

/**
 * One moment on the clocks of this host, ms: `wall` since 1970; `mono` since some start, standing still in suspend;
 * `boot` since the machine's start, suspend included, where the system tells it.
 */
export interface Instant {
  wall: number;
  mono: number;
  boot?: number;
}

/**
 * How long ago it was for somebody who must not hold on too long: the largest of the clocks' advances, ms. A monotonic
 * clock stands still while the machine sleeps, a wall clock may be set back (in that very sleep), and not every system
 * has a third.
 */
export function longestSince(then: Instant, now: Instant): number {
  return Math.max(now.wall - then.wall, now.mono - then.mono, (now.boot ?? 0) - (then.boot ?? 0));
}

/** Whether a lease of `length` ms, last renewed by a push that was sent at `sent`, still holds. */
export function isHeld(sent: Instant, now: Instant, length: number): boolean {
  return longestSince(sent, now) < length;
}

/** What a watcher waits beyond a lease's length, ms: for a holder's last moments and for clocks that run unevenly. */
export function marginOf(length: number): number {
  return Math.max(500, length / 4);
}

/** Whether a claim whose object was first seen at `seen` may be taken over. Only time that this machine was awake counts. */
export function isOver(seen: Instant, now: Instant, length: number): boolean {
  return now.mono - seen.mono > length + marginOf(length);
}

/** How often a lease of `length` ms is renewed, ms. */
export function renewalOf(length: number): number {
  return length / 3;
}
