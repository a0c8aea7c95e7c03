/** How a command's end reads: pure, so that each row can be looked at alone. */
import type { RunStats } from '../../core/message.js';
import { compileSchema } from '../../schema/compile.js';
import { describeProblems } from '../../schema/problem.js';
import type { Outcome } from '../port.js';
import type { ChildEnd } from '../process/index.js';
import type { SaidEvent } from './event-line.js';

/** What a run has shown when its program is gone. */
export interface CommandEnd {
  program: string;
  end: ChildEnd;
  /** The last `result` or `error` of JSON output, if there was one. */
  last: Extract<SaidEvent, { type: 'Result' | 'Error' }> | undefined;
  /** All text of the answer. */
  text: string;
  /** The last part of stderr. */
  stderr: string;
  /** The task's `output_schema`, if it has one. */
  schema: unknown;
  stats: RunStats;
}

/** sysexits.h: a failure that another attempt may not meet. */
const EX_TEMPFAIL = 75;
/** Errors of a start that say something about the host, not about the task. */
const UNAVAILABLE = new Set(['ENOENT', 'EACCES', 'EPERM', 'ENOEXEC', 'EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM']);

export function judge({ program, end, last, text, stderr, schema, stats }: CommandEnd): Outcome {
  if (end.kind === 'spawn') {
    const message = `could not start ${program}: ${end.message}`;
    if (UNAVAILABLE.has(end.code)) return { kind: 'parked', reason: 'unavailable', message, stats };
    const hint = end.code === 'E2BIG' ? 'its options are too long to be passed as environment variables' : undefined;
    return failed('spawn', message, end.code === 'cwd', stats, hint);
  }
  if (last?.type === 'Error') {
    const { code, message, retry, until } = last;
    if (code === 'usage_limit' || code === 'login') {
      return { kind: 'parked', reason: code, message, stats, ...(until === undefined ? {} : { until }) };
    }
    return failed(code, message, retry, stats);
  }
  if (end.signal !== null)
    return failed('signal', withTail(`${program} was ended by ${end.signal}`, stderr), true, stats);
  if (end.code !== 0) {
    const meaning = end.code === EX_TEMPFAIL ? ' (a temporary failure)' : '';
    return failed('exit', withTail(`${program} exited with ${end.code}${meaning}`, stderr), true, stats);
  }
  const result = last?.result ?? text.trimEnd();
  if (schema === undefined) {
    const given = last?.structured_output;
    return { kind: 'complete', result, stats, ...(given === undefined ? {} : { structured_output: given }) };
  }
  const value = last?.structured_output ?? parseJson(result);
  const problem = value === undefined ? `it is not JSON: ${quote(result)}` : misfitOf(schema, value);
  if (problem === undefined) return { kind: 'complete', result, structured_output: value, stats };
  return failed('output_schema', `the answer of ${program} does not fit the task's schema: ${problem}`, true, stats);
}

function misfitOf(schema: unknown, value: unknown): string | undefined {
  const compiled = compileSchema(schema);
  const problems = compiled.ok ? compiled.validate(value) : [compiled.problem];
  return problems.length === 0 ? undefined : describeProblems(problems);
}

function failed(code: string, message: string, retry: boolean, stats: RunStats, hint?: string): Outcome {
  return { kind: 'failed', error: { code, message, ...(hint === undefined ? {} : { hint }) }, retry, stats };
}

function withTail(message: string, stderr: string): string {
  const tail = stderr.trim();
  return tail === '' ? `${message}, with nothing on stderr` : `${message}: ${tail}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function quote(text: string): string {
  return text === '' ? 'it is empty' : JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
