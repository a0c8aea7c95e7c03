/** What a simulated run will do, decided before it begins: pure, so the same request always gives the same run. */
import { MailboxError } from '../../core/errors.js';
import type { RunStats } from '../../core/message.js';
import { compileSchema } from '../../schema/compile.js';
import { describeProblems } from '../../schema/problem.js';
import type { RunError, RunRequest } from '../port.js';
import { sampleOf } from './sample.js';
import { parseScript, type Script } from './script.js';

export type Ending =
  | { kind: 'complete'; result: string; structured_output?: unknown }
  | { kind: 'failed'; error: RunError; retry: boolean }
  /** `wait`: ms until the simulated limit lifts. */
  | { kind: 'parked'; reason: 'usage_limit' | 'login'; message: string; wait?: number }
  | { kind: 'hang' };

export interface Plan {
  /** Ms from the first tool call to the end. */
  duration: number;
  tools: { tool: string; args: unknown; output: string }[];
  /** The streamed text, in the pieces it is streamed in. */
  pieces: string[];
  ending: Ending;
  stats: RunStats;
}

/** Stands at the head of everything that is streamed. */
export const NOTICE = 'This is a simulated run: no model was asked.';

/** @param pace ms a run takes when its prompt does not say */
export function planRun(request: RunRequest, pace: number): Plan {
  try {
    const { script, subject } = parseScript(request.prompt);
    return build(request, script, subject, pace);
  } catch (error) {
    if (!(error instanceof MailboxError)) throw error;
    const { message, hint } = error;
    const failure: RunError = { code: 'simulator_script', message, ...(hint === undefined ? {} : { hint }) };
    return plan({ tools: [] }, `${NOTICE}\n`, { kind: 'failed', error: failure, retry: false }, pace);
  }
}

function build(request: RunRequest, script: Script, subject: string, pace: number): Plan {
  const { epoch } = request;
  if (script.parked && epoch <= script.parked.times) {
    const { reason, wait } = script.parked;
    const message = reason === 'login' ? 'simulated: not logged in' : 'simulated: the usage limit is reached';
    return plan(script, '', { kind: 'parked', reason, message, ...(wait === undefined ? {} : { wait }) }, pace);
  }
  const resumed = request.resume ? `The simulated session ${request.session} was resumed.\n\n` : '';
  const head = `${NOTICE}\n\n${resumed}`;
  const failure = failureOf(script, epoch);
  if (failure) return plan(script, head, failure, pace);
  if (script.hang) return plan(script, head + (script.answer ?? defaultAnswer(subject)), { kind: 'hang' }, pace);
  const schema = request.options.output_schema;
  if (schema !== undefined) {
    const value = script.answer === undefined ? sampleOf(schema) : parseAnswer(script.answer, schema);
    const result = JSON.stringify(value, null, 2);
    return plan(script, head + result, { kind: 'complete', result, structured_output: value }, pace);
  }
  const answer = script.answer ?? fitted(script, head + defaultAnswer(subject));
  const text = script.answer === undefined ? answer : head + answer;
  return plan(script, text, { kind: 'complete', result: answer }, pace);
}

function failureOf(script: Script, epoch: number): Ending | undefined {
  const times = script.failTimes ?? 0;
  if (epoch <= times) {
    const message = script.fail ?? `a simulated failure, attempt ${epoch} of ${times} that fail`;
    return { kind: 'failed', error: { code: 'simulated', message }, retry: true };
  }
  if (script.fail === undefined || script.failTimes !== undefined) return undefined;
  return { kind: 'failed', error: { code: 'simulated', message: script.fail }, retry: true };
}

function plan(script: Script, text: string, ending: Ending, pace: number): Plan {
  const duration = script.duration ?? (script.rate === undefined ? pace : undefined);
  const words = text === '' ? [] : (text.match(/\S+\s*|\s+/g) ?? [text]);
  const count = script.rate === undefined ? words.length : Math.ceil((script.rate * (duration ?? Infinity)) / 1_000);
  const steps = script.rate === undefined ? Math.max(3, Math.floor((duration ?? 0) / 20)) : Infinity;
  const pieces = pack(words, Math.min(words.length, count, steps));
  const stats: RunStats = { model: 'simulator', turns: 1, cost_usd: script.cost ?? 0, tokens_out: words.length };
  return {
    duration: duration ?? (pieces.length * 1_000) / (script.rate ?? 1),
    tools: script.tools.map(({ tool, args }) => ({ tool, args, output: `simulated: ${tool} was not really used` })),
    pieces,
    ending,
    stats,
  };
}

function defaultAnswer(subject: string): string {
  const about =
    subject === '' ? 'an empty prompt' : `“${subject.length > 120 ? `${subject.slice(0, 120)}…` : subject}”`;
  return (
    `Your task reached the right mailbox and was taken up: ${about}. ` +
    'With Claude installed and logged in, its answer would stand here in the same way, word by word as it comes.'
  );
}

const FILLER = 'Simulated text goes on for as long as it was asked to, and means nothing.'.split(' ');

/** The text at the length or with the number of words that the script asks for, filled up or cut. */
function fitted(script: Script, text: string): string {
  if (script.length === undefined && (script.rate === undefined || script.duration === undefined)) return text;
  const words = Math.ceil(((script.rate ?? 0) * (script.duration ?? 0)) / 1_000);
  const parts = [text];
  let length = text.length;
  let count = text.split(/\s+/).length;
  for (let n = 0; script.length === undefined ? count < words : length < script.length; n += 1) {
    const word = ` ${FILLER[n % FILLER.length]}`;
    parts.push(word);
    length += word.length;
    count += 1;
  }
  return script.length === undefined ? parts.join('') : parts.join('').slice(0, script.length);
}

/** Words joined into `count` pieces of about the same number of words. */
function pack(words: string[], count: number): string[] {
  return Array.from({ length: count }, (_, n) =>
    words.slice(Math.round((n * words.length) / count), Math.round(((n + 1) * words.length) / count)).join(''),
  );
}

function parseAnswer(text: string, schema: unknown): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const message = 'the task has an output_schema, and its `simulate: answer` is not JSON';
    throw new MailboxError('invalid', message, { cause: error });
  }
  const compiled = compileSchema(schema);
  const problems = compiled.ok ? compiled.validate(value) : [compiled.problem];
  if (problems.length === 0) return value;
  throw new MailboxError(
    'invalid',
    `the \`simulate: answer\` does not fit the output_schema: ${describeProblems(problems)}`,
  );
}
