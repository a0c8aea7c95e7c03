/** Which mailboxes are parked: the file a daemon keeps of it, for everyone to read. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostDir } from '../store/paths.js';

export type ParkReason = 'usage_limit' | 'login' | 'unavailable' | 'daily_limit';

export interface Parked {
  mailbox: string;
  reason: ParkReason;
  message: string;
  /** RFC 3339 times. */
  since: string;
  next_try: string;
  /** How often it was tried since. */
  tries: number;
}

export function parkedPath(root: string): string {
  return join(hostDir(root), 'parked.json');
}

/** The mailboxes that the last daemon parked; none when it did not, or when the file cannot be read. */
export function readParked(root: string): Parked[] {
  try {
    const value: unknown = JSON.parse(readFileSync(parkedPath(root), 'utf8'));
    return Array.isArray(value)
      ? value.filter(
          (item): item is Parked =>
            typeof item === 'object' &&
            item !== null &&
            typeof (item as Parked).mailbox === 'string' &&
            !Number.isNaN(Date.parse((item as Parked).next_try)),
        )
      : [];
  } catch {
    return [];
  }
}
