/** The lines of a prompt that tell the simulator what to do; docs/runners.md documents each one. */
import { parseDuration } from '../../core/duration.js';
import { MailboxError, messageOf } from '../../core/errors.js';

export interface Script {
  /** Ms. */
  duration?: number;
  /** Characters of the answer. */
  length?: number;
  /** Events a second. */
  rate?: number;
  answer?: string;
  tools: { tool: string; args: unknown }[];
  /** Fails with this message, at every attempt. */
  fail?: string;
  /** Fails the first so many epochs. */
  failTimes?: number;
  /** Refuses to run during the first `times` epochs. */
  parked?: { reason: 'usage_limit' | 'login'; times: number; wait?: number };
  hang?: boolean;
  /** US dollars. */
  cost?: number;
}

/** What each word after `simulate:` does with the rest of its line. */
const DIRECTIVES: Record<string, (script: Script, rest: string) => void> = {
  duration: (script, rest) => {
    script.duration = span(rest);
  },
  length: (script, rest) => {
    script.length = wholeNumber(rest, 1_000_000);
  },
  rate: (script, rest) => {
    script.rate = wholeNumber(rest.replace(/\s*\/\s*s$/, ''), 10_000);
    if (script.rate === 0) throw new MailboxError('invalid', 'found a rate of 0, expected at least 1/s');
  },
  answer: (script, rest) => {
    script.answer = script.answer === undefined ? rest : `${script.answer}\n${rest}`;
  },
  tool: (script, rest) => {
    const [, tool = '', args = ''] = /^(\S+)\s*(.*)$/.exec(rest) ?? [];
    if (tool === '') throw new MailboxError('invalid', 'found no tool, expected a name and JSON');
    script.tools.push({ tool, args: args === '' ? {} : parseJson(args) });
  },
  fail: (script, rest) => {
    script.fail = rest || 'a simulated failure';
  },
  'fail-times': (script, rest) => {
    script.failTimes = wholeNumber(rest, 1_000_000);
  },
  'usage-limit': (script, rest) => {
    const [limit = '', times = '1'] = rest.split(/\s+/);
    script.parked = { reason: 'usage_limit', times: wholeNumber(times, 1_000_000), wait: span(limit || '1m') };
  },
  login: (script, rest) => {
    script.parked = { reason: 'login', times: wholeNumber(rest || '1', 1_000_000) };
  },
  hang: (script) => {
    script.hang = true;
  },
  cost: (script, rest) => {
    const cost = Number(rest);
    if (rest === '' || !(cost >= 0 && cost < 1e6))
      throw new MailboxError('invalid', `found ${shown(rest)}, expected dollars`);
    script.cost = cost;
  },
};

/** Events of one run; a prompt must not fill the daemon's memory. */
const MAX_EVENTS = 100_000;

const LINE = /^\s*simulate:\s*([a-z-]*)\s*(.*?)\s*$/i;

/**
 * The script in a prompt, and the subject: its first line that is not part of the script. Throws `invalid` for a line
 * that begins with `simulate:` and goes on with what no directive takes.
 */
export function parseScript(prompt: string): { script: Script; subject: string } {
  const script: Script = { tools: [] };
  let subject = '';
  for (const line of prompt.split(/\r?\n/)) {
    const match = LINE.exec(line);
    if (!match) {
      subject ||= line.replace(/^[\s#>*-]+/, '').trim();
      continue;
    }
    const [, word = '', rest = ''] = match;
    const name = word.toLowerCase();
    const apply = Object.hasOwn(DIRECTIVES, name) ? DIRECTIVES[name] : undefined;
    try {
      if (!apply) throw new MailboxError('invalid', `expected one of ${Object.keys(DIRECTIVES).join(', ')}`);
      apply(script, rest);
    } catch (error) {
      const hint = 'docs/runners.md lists what the simulator can be asked for';
      throw new MailboxError('invalid', `found the line ${shown(line.trim())}: ${messageOf(error)}`, {
        hint,
        cause: error,
      });
    }
  }
  if (((script.rate ?? 0) * (script.duration ?? 0)) / 1_000 > MAX_EVENTS) {
    throw new MailboxError(
      'invalid',
      `found more than ${MAX_EVENTS} events, expected a lower rate or a shorter duration`,
    );
  }
  return { script, subject };
}

/** Ms, at most a day: a longer one would overflow a timer. */
function span(text: string): number {
  const complaint = `found ${shown(text)}, expected a duration such as 90s, at most 24h`;
  let ms: number;
  try {
    ms = parseDuration(text);
  } catch (error) {
    throw new MailboxError('invalid', complaint, { cause: error });
  }
  if (ms > 86_400_000) throw new MailboxError('invalid', complaint);
  return ms;
}

function wholeNumber(text: string, most: number): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) > most) {
    throw new MailboxError('invalid', `found ${shown(text)}, expected a whole number up to ${most}`);
  }
  return Number(text);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new MailboxError('invalid', `found ${shown(text)}, expected JSON`, { cause: error });
  }
}

function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
