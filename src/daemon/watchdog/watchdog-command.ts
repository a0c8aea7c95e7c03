/** What the daemon tells its watchdog: one JSON object a line. */
import type { Instant } from '../../core/lease.js';

/** Told again for the same session it replaces what was told before. */
export interface WatchCommand {
  /** The run's session. */
  watch: string;
  /** Id of the run's first process, as `processId` makes it; without it the run is found by its tag alone. */
  process?: string;
  /** How long the run may live from `at` on, ms; 0 or less: no longer. */
  left: number;
  /** When `left` was true. Both processes are on one machine and read the same clocks. */
  at: Instant;
}

export interface ForgetCommand {
  forget: string;
}

export type WatchdogCommand = WatchCommand | ForgetCommand;

/** Undefined for a line that is no command: the last one of a daemon that died while it wrote. */
export function parseCommand(line: string): WatchdogCommand | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isRecord(value)) return undefined;
  if (typeof value['forget'] === 'string') return { forget: value['forget'] };
  const { watch, process, left, at } = value;
  if (typeof watch !== 'string' || watch === '' || typeof left !== 'number' || !isInstant(at)) return undefined;
  return { watch, left, at, ...(typeof process === 'string' && { process }) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isInstant(value: unknown): value is Instant {
  return isRecord(value) && typeof value['wall'] === 'number' && typeof value['mono'] === 'number';
}

/** This moment, on clocks that two processes of one machine can compare (`performance.now()` begins with each process). */
export function readClocks(): Instant {
  return { wall: Date.now(), mono: Number(process.hrtime.bigint()) / 1e6 };
}
