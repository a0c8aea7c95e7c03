/** The day that daily limits count: from midnight to midnight in the host's time zone. */

/** Ms since 1970 of the midnight that began the day of `now`. */
export function startOfDay(now: number): number {
  const day = new Date(now);
  return new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();
}

/** Ms since 1970 of the next midnight. Days of 23 and 25 hours come out right. */
export function endOfDay(now: number): number {
  const day = new Date(now);
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() + 1).getTime();
}
