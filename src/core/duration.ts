import { MailboxError } from './errors.js';

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of `250ms`, `90s`, `10m`, `2h` or `7d`. Throws `invalid` for anything else. */
export function parseDuration(text: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text.trim());
  if (!match) {
    throw new MailboxError('invalid', `found the duration ${JSON.stringify(text.slice(0, 40))}`, {
      hint: 'write a number and a unit, such as 90s, 10m or 2h',
    });
  }
  return Math.round(Number(match[1]) * (UNITS[match[2] ?? ''] ?? 0));
}

/** The shortest readable form of a span in milliseconds: `840ms`, `3.2s`, `4m 10s`, `2h 5m`, `3d 4h`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)}ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m ${seconds % 60}s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 1_440) return `${Math.floor(minutes / 60)}h ${minutes % 60}m`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)}d ${hours % 24}h`;
}
