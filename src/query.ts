/**
 * One question to a runner, without a mailbox: the events as they come, or just the answer.
 *
 * ```ts
 * for await (const event of query('What is the capital of France?')) {
 *   if (event.type === 'Progress') process.stdout.write(event.content);
 * }
 * ```
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MailboxError } from './core/errors.js';
import type { TaskOptions } from './core/message.js';
import { defaultConfig } from './core/config.js';
import { createRunner, mockRunner } from './runners/index.js';
import type { Outcome, RunEvent, Runner } from './runners/port.js';

export interface QueryOptions extends Omit<TaskOptions, 'runner' | 'working_dir'> {
  /** By default `claude`, or the simulator when CLAUDE_MOCK_TEST is 1. */
  runner?: string;
  /** Absolute directory the runner works in; a fresh one that is removed afterwards when not given. */
  working_dir?: string;
  /** Ends the run, and the iteration with an Error event. */
  signal?: AbortSignal;
  /** Where the runner's variables are taken from; by default this process's own. */
  environment?: NodeJS.ProcessEnv;
}

function outcomeEvent(outcome: Outcome): RunEvent | undefined {
  if (outcome.kind === 'complete') return undefined;
  if (outcome.kind === 'failed') return { type: 'Error', code: outcome.error.code, message: outcome.error.message };
  if (outcome.kind === 'parked') return { type: 'Error', code: outcome.reason, message: outcome.message };
  return { type: 'Error', code: 'stopped', message: 'the run was stopped' };
}

/**
 * Runs one prompt and yields Start {session_id}, Progress {content}, ToolUse {tool, args}, Result {result, …} and
 * Error {code, message} as they happen. The last event is a Result or an Error; leaving the loop stops the run.
 */
export async function* query(prompt: string, options: QueryOptions = {}): AsyncGenerator<RunEvent, void, undefined> {
  const { runner: named, signal, working_dir: given, environment = process.env, ...task } = options;
  const name = named ?? mockRunner('claude', environment) ?? 'claude';
  const scratch = mkdtempSync(join(tmpdir(), 'mailboxd-query-'));
  let runner: Runner;
  try {
    runner = createRunner(name, defaultConfig({ host: 'query', key: '' }), { scratch, environment });
  } catch (error) {
    rmSync(scratch, { recursive: true, force: true });
    throw error;
  }
  const waiting: RunEvent[] = [];
  let wake: () => void = () => undefined;
  const push = (event: RunEvent): void => {
    waiting.push(event);
    wake();
  };
  let failed = false;
  const session = task.resume_session ?? randomUUID();
  const run = runner.start(
    {
      messageId: session,
      epoch: 1,
      prompt,
      options: task,
      session,
      resume: task.resume_session !== undefined,
      cwd: given ?? scratch,
      attachments: [],
    },
    {
      onEvent(event) {
        failed ||= event.type === 'Error';
        push(event);
      },
      onRaw: () => undefined,
      onSpawn: () => undefined,
    },
  );
  let over = false;
  void run.outcome.then((outcome) => {
    const last = outcomeEvent(outcome);
    over = true;
    if (last && !failed) waiting.push(last);
    wake();
  });
  const onAbort = (): void => void run.stop();
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  try {
    for (;;) {
      const event = waiting.shift();
      if (event) yield event;
      else if (over) return;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
    await run.stop();
    await run.outcome;
    await runner.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The answer to one prompt. Throws `failed` with the runner's reason. */
export async function querySimple(prompt: string, options: QueryOptions = {}): Promise<string> {
  let answer: string | undefined;
  for await (const event of query(prompt, options)) {
    if (event.type === 'Result') answer = event.result;
    if (event.type === 'Error')
      throw new MailboxError('failed', `${event.code}: ${event.message}`, {
        hint: '`mailboxd doctor` says whether the runner can work',
      });
  }
  if (answer === undefined) throw new MailboxError('failed', 'the runner ended without an answer');
  return answer;
}
