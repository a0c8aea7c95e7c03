/**
 * The end of a run. Results are written before states move, states before replies: a crash at any point repeats work
 * and loses nothing. Where a person moved the message meanwhile, their place stands and the run is written there.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../core/config.js';
import { formatDuration } from '../core/duration.js';
import { MailboxError } from '../core/errors.js';
import type { Place, ResultRecord, RunOutcome, RunStats, State } from '../core/message.js';
import { endOfDay } from '../core/policy.js';
import { scrub } from '../core/scrub.js';
import { writable } from '../core/writable.js';
import { parseMessage } from '../format/message.js';
import { locateMessage, MAX_FILE_BYTES, readPlace } from '../mailbox/locate.js';
import type { Outcome, RunError } from '../runners/port.js';
import { replaceFile } from '../store/durable.js';
import { hostDir } from '../store/paths.js';
import { settleMessage } from '../store/settle.js';
import { composeEnd, composeUntouched, type Ending } from './compose.js';
import { pickStats, runRecordOf, type RunPlan } from './plan.js';
import type { Worker } from './worker.js';

/** Why a run was stopped from outside. */
export type StopReason = 'moved' | 'timeout' | 'output' | 'drain' | 'lease';

/** What is to become of a message, before the folders are touched. */
export interface Verdict {
  state: State;
  run: RunOutcome;
  outcome: ResultRecord['outcome'] | undefined;
  error: RunError | undefined;
  answer: string | undefined;
  note: string | undefined;
  attempts: number;
  /** When the next attempt is due, ms since 1970. */
  retryAt: number | undefined;
  /** Leave no trace of the run in the file when it did next to nothing. */
  traceless: boolean;
  stats: RunStats;
}

const RETRY_MAX = 600_000;
/** Pause before a message that is nowhere is looked for again, ms. */
const LOOK_AGAIN = 30;
/** A run that is handed back because nothing can run, with less text than this and no tool called, did nothing worth keeping. */
const SAID_LITTLE = 2_000;

/** `base`, 4 × `base`, 16 × `base` … at most 10 minutes after the failed attempt of this number, ms. */
export function retryDelay(base: number, attempt: number): number {
  return Math.min(RETRY_MAX, base * 4 ** Math.min(10, attempt - 1));
}

function stopError(reason: StopReason, plan: RunPlan): RunError {
  if (reason === 'timeout') {
    return {
      code: 'timeout',
      message: `it ran longer than ${formatDuration(plan.request.timeout)}`,
      hint: 'give it a longer `timeout`, or raise limits.timeout in .mailboxd/config.yaml',
    };
  }
  return {
    code: 'output_too_large',
    message: `it wrote more than ${plan.request.output_bytes} bytes`,
    hint: 'ask for less output, or raise limits.output_bytes in .mailboxd/config.yaml',
  };
}

/** Stopped by what was left of the day's budget, not by its own: it waits for the next day and has not failed. */
function isEndOfDayBudget(plan: RunPlan, error: RunError): boolean {
  return error.code === 'error_max_budget_usd' && (plan.request.budget?.key.endsWith('.cost_per_day') ?? false);
}

/** What follows from how the run ended. Pure. */
export function judgeEnd(
  plan: RunPlan,
  outcome: Outcome,
  stopped: StopReason | undefined,
  config: Pick<Config, 'park' | 'retry_delay'>,
  now: number,
): Verdict {
  const before = plan.front.attempts ?? 0;
  const base = {
    attempts: before,
    retryAt: undefined,
    traceless: false,
    note: undefined,
    answer: undefined,
    error: undefined,
    stats: outcome.stats,
  };
  if (outcome.kind === 'complete') {
    const answer =
      outcome.structured_output === undefined
        ? writable(scrub(outcome.result)).trim() || '(no answer)'
        : `\`\`\`json\n${scrub(JSON.stringify(outcome.structured_output, null, 2))}\n\`\`\``;
    return { ...base, state: 'complete', run: 'complete', outcome: 'complete', answer };
  }
  if (outcome.kind === 'parked' && config.park) {
    return {
      ...base,
      state: 'inbox',
      run: 'handed_back',
      outcome: undefined,
      traceless: true,
      note: `handed back: ${writable(scrub(outcome.message))}`,
    };
  }
  if (outcome.kind === 'stopped' && (stopped === 'drain' || stopped === undefined)) {
    return {
      ...base,
      state: 'inbox',
      run: 'handed_back',
      outcome: undefined,
      note: 'handed back: its worker was stopped',
    };
  }
  if (outcome.kind === 'stopped' && stopped === 'moved') {
    const error = { code: 'cancelled', message: 'it was taken out of in_progress/ while it ran' };
    return {
      ...base,
      state: 'failed',
      run: 'cancelled',
      outcome: 'cancelled',
      error,
      answer: `**Cancelled**: ${error.message}.`,
    };
  }
  if (outcome.kind === 'failed' && isEndOfDayBudget(plan, outcome.error)) {
    const retryAt = endOfDay(now);
    const note = `held until ${new Date(retryAt).toISOString()}: the day's budget is used up (${plan.request.budget?.key})`;
    return { ...base, state: 'inbox', run: 'handed_back', outcome: undefined, error: outcome.error, note, retryAt };
  }
  const error: RunError =
    outcome.kind === 'failed'
      ? { ...outcome.error, message: writable(scrub(outcome.error.message)) }
      : outcome.kind === 'parked'
        ? { code: outcome.reason, message: writable(scrub(outcome.message)) }
        : stopError(stopped ?? 'timeout', plan);
  const canRetry = outcome.kind === 'failed' ? outcome.retry : outcome.kind === 'parked' || stopped === 'timeout';
  const attempts = before + 1;
  if (canRetry && attempts < plan.request.max_attempts) {
    const retryAt = now + retryDelay(config.retry_delay, attempts);
    const note = `failed (attempt ${attempts} of ${plan.request.max_attempts}): ${error.message}; trying again after ${new Date(retryAt).toISOString()}`;
    return { ...base, state: 'inbox', run: 'failed', outcome: undefined, error, note, attempts, retryAt };
  }
  const hint = error.hint ? `\n\n${error.hint}` : '';
  return {
    ...base,
    state: 'failed',
    run: 'failed',
    outcome: 'failed',
    error,
    attempts,
    answer: `**Failed** (${error.code}): ${error.message}${hint}`,
  };
}

function endingOf(plan: RunPlan, verdict: Verdict, now: number): Ending {
  const reason = verdict.error ? `${verdict.error.code}: ${verdict.error.message}` : undefined;
  const record = runRecordOf(plan, now, verdict.run, verdict.stats, reason);
  const result: ResultRecord | undefined = verdict.outcome && {
    outcome: verdict.outcome,
    at: new Date(now).toISOString(),
    runner: plan.request.runner,
    ...(plan.claim.session !== undefined && { session: plan.claim.session }),
    ...pickStats(verdict.stats),
    ...(verdict.error && {
      error: {
        ...verdict.error,
        message: verdict.error.message.slice(0, 1_000),
        ...(verdict.error.hint !== undefined && { hint: verdict.error.hint.slice(0, 500) }),
      },
    }),
  };
  const changes = {
    attempts: verdict.attempts > 0 ? verdict.attempts : undefined,
    retry_at: verdict.retryAt === undefined ? undefined : new Date(verdict.retryAt).toISOString(),
  };
  return { record, result, answer: verdict.answer, note: verdict.note, changes };
}

/** Writes the end of a run into its message and moves it. Returns where it is now; undefined when it was deleted. */
export async function finishRun(
  worker: Worker,
  plan: RunPlan,
  verdict: Verdict,
): Promise<{ place: Place | undefined; moved: boolean }> {
  const root = worker.root.dir;
  const { key } = worker.root.config;
  const now = worker.clock.now();
  const build = (target: Verdict) => (bytes: Buffer) => {
    if (target.traceless && !plan.text.usedTools && plan.text.rendered.length < SAID_LITTLE) {
      const untouched = composeUntouched(bytes, key, plan.text);
      if (untouched !== undefined) return untouched;
    }
    return composeEnd(bytes, key, plan.text, endingOf(plan, target, now));
  };
  const put = async (from: Place, to: Omit<Place, 'name'>, target: Verdict): Promise<Place | undefined> => {
    try {
      return await settleMessage(root, from, to, worker.who, MAX_FILE_BYTES, build(target));
    } catch (error) {
      if (!(error instanceof MailboxError) || error.code !== 'invalid') throw error;
      // A person's edit made the front matter unreadable: what ran goes beside, their file goes to failed/ as it is.
      await keepBeside(worker, plan, verdict);
      const appended = `\n\n_The run's output was kept in .mailboxd/kept/${plan.id}-${plan.claim.epoch}.md: ${error.message}_\n`;
      return settleMessage(
        root,
        from,
        { mailbox: from.mailbox, state: 'failed' },
        worker.who,
        MAX_FILE_BYTES,
        (bytes) => Buffer.concat([bytes, Buffer.from(appended)]),
      );
    }
  };
  const settled = await put(plan.place, { mailbox: plan.place.mailbox, state: verdict.state }, verdict);
  if (settled) return { place: settled, moved: false };

  for (let tries = 0; tries < 5; tries += 1) {
    const found = locateMessage(root, plan.id, plan.place, plan.startedAt - 60_000);
    if (!found) {
      // While another program moves it, it is nowhere for a moment.
      await sleep(LOOK_AGAIN);
      continue;
    }
    const bytes = readPlace(root, found);
    if (!bytes || parseSafely(bytes, key)?.front.claim?.token !== plan.claim.token)
      return { place: found, moved: true };
    const placed = await put(found, { mailbox: found.mailbox, state: found.state }, standAt(found.state, verdict));
    if (placed) return { place: placed, moved: true };
  }
  await keepBeside(worker, plan, verdict);
  return { place: undefined, moved: true };
}

function parseSafely(bytes: Buffer, key: string): ReturnType<typeof parseMessage> | undefined {
  try {
    return parseMessage(bytes, key);
  } catch {
    return undefined;
  }
}

/** The same end where a person's place stands. */
function standAt(state: State, verdict: Verdict): Verdict {
  if (state === 'inbox')
    return {
      ...verdict,
      state,
      run: verdict.run === 'complete' ? 'complete' : 'cancelled',
      outcome: undefined,
      answer: undefined,
      note: 'stopped: it was moved back to an inbox',
      retryAt: undefined,
    };
  if (state === 'complete')
    return verdict.outcome === 'complete'
      ? { ...verdict, state }
      : {
          ...verdict,
          state,
          outcome: 'complete',
          error: undefined,
          answer: '(moved to complete/ by hand while it ran)',
        };
  return { ...verdict, state, outcome: verdict.outcome === 'failed' ? 'failed' : 'cancelled' };
}

/** Keeps what a run produced for a message that is not there any more, outside the synced tree. */
async function keepBeside(worker: Worker, plan: RunPlan, verdict: Verdict): Promise<void> {
  const dir = join(hostDir(worker.root.dir), 'kept');
  mkdirSync(dir, { recursive: true });
  const path = join(dir, `${plan.id}-${plan.claim.epoch}.md`);
  await replaceFile(
    path,
    `${plan.text.base.ownText}\n\n${plan.text.rendered}\n\n${verdict.answer ?? verdict.note ?? ''}\n`,
  );
  worker.emit({
    type: 'trouble',
    message: `what ${plan.id} produced was kept in ${path}`,
    hint: 'the message itself was deleted or cannot be read',
  });
}
