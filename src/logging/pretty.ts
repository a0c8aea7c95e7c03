/** Escape codes: grey, green, yellow, red. */
const COLORS: Record<string, number> = { trace: 90, debug: 90, info: 32, warn: 33, error: 31, fatal: 31 };
const HIDDEN = new Set(['level', 'time', 'pid', 'msg', 'err', 'error']);

/** A line of the log in words: `10:30:00 info  claimed  mailbox=server id=0199f3c2`. Anything else comes back safe. */
export function prettyLine(line: string, { color = false }: { color?: boolean } = {}): string {
  const record = parseRecord(line);
  if (!record) return printable(line);
  const { time, msg } = record;
  const level = typeof record['level'] === 'string' ? record['level'] : 'info';
  const clock = typeof time === 'string' ? localClock(time) : '';
  const fields = Object.entries(record).filter(([key]) => !HIDDEN.has(key));
  const fault = faultOf(record['err'] ?? record['error']);
  const text = [
    paint(level, level.padEnd(5), color),
    printable(typeof msg === 'string' ? msg : ''),
    ...fields.map(([key, value]) => `${printable(key)}=${formatValue(value)}`),
    ...(fault ? [fault] : []),
  ];
  return [clock, ...text].filter((part) => part !== '').join(' ');
}

/** Control characters made visible: what a log shows may come from a message, and must not drive the terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    if (character === '\n') return '\\n';
    if (character === '\t') return '\\t';
    return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
  });
}

function parseRecord(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function localClock(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return '';
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}

function formatValue(value: unknown): string {
  if (typeof value === 'string' && /^[^\s"=]+$/.test(value)) return printable(value);
  return printable(JSON.stringify(value) ?? '');
}

/** What went wrong and what to do; the stack stays in the file. */
function faultOf(value: unknown): string | undefined {
  if (typeof value === 'string') return `(${printable(value)})`;
  if (typeof value !== 'object' || value === null) return undefined;
  const { message, hint, code } = value as Record<string, unknown>;
  const parts = [message, hint, message === undefined ? code : undefined].filter((part) => typeof part === 'string');
  return parts.length > 0 ? `(${printable(parts.join('; '))})` : undefined;
}

function paint(level: string, text: string, color: boolean): string {
  const code = Object.hasOwn(COLORS, level) ? COLORS[level] : undefined;
  return color && code ? `\u001b[${code}m${text}\u001b[39m` : text;
}
