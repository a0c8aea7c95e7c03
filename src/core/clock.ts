/** The clock and the ids: one of the three seams where a test may put its own. */
export interface Clock {
  /** Wall clock, ms since 1970. */
  now(): number;
  /** A new message id (UUID v7, so that ids sort by time). */
  newId(): string;
  /** A new runner session id (UUID v4). */
  newSession(): string;
}
