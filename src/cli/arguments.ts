/** Reading the values of arguments. Each throws `usage` with what was found and what was expected. */
import { parseDuration } from '../core/duration.js';
import { MailboxError } from '../core/errors.js';

function wrong(name: string, found: string, expected: string): MailboxError {
  return new MailboxError('usage', `--${name}: found ${JSON.stringify(found.slice(0, 80))}, expected ${expected}`);
}

export function wholeNumber(name: string, text: string | undefined, least = 0): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d{1,9}$/.test(text) || value < least) throw wrong(name, text, `a whole number from ${least}`);
  return value;
}

export function amount(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}(\.\d{1,6})?$/.test(text)) throw wrong(name, text, 'an amount such as 0.50');
  return Number(text);
}

/** Milliseconds. */
export function duration(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  try {
    return parseDuration(text);
  } catch {
    throw wrong(name, text, 'a duration such as 90s, 10m or 2h');
  }
}

/** An RFC 3339 time, of a time or of a duration from now. */
export function timeFrom(name: string, text: string | undefined, now: number): string | undefined {
  if (text === undefined) return undefined;
  if (/^\d+(\.\d+)?(ms|s|m|h|d)$/.test(text)) return new Date(now + (duration(name, text) ?? 0)).toISOString();
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw wrong(name, text, 'a time such as 2026-11-20T18:00 or a duration such as 2h');
  return new Date(time).toISOString();
}

/** `key=value` pairs. */
export function pairs(name: string, texts: readonly string[] | undefined): Record<string, string> {
  const entries = (texts ?? []).map((text): [string, string] => {
    const at = text.indexOf('=');
    if (at <= 0) throw wrong(name, text, 'key=value');
    return [text.slice(0, at), text.slice(at + 1)];
  });
  return Object.fromEntries(entries);
}

/** Leaves out what was not given. */
export function given<T extends Record<string, unknown>>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
