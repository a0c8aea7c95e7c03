/**
 * From a waiting file to a plan: take it, read it, decide, and write the claim into it, all before anything runs.
 */
import { homedir } from 'node:os';
import { MailboxError } from '../core/errors.js';
import type { Place, ResultRecord } from '../core/message.js';
import { decidePolicy } from '../core/policy.js';
import { claimToken } from '../core/token.js';
import { assembleMessage, MAX_MESSAGE_BYTES } from '../format/message.js';
import { nameOf } from '../mailbox/find.js';
import { findIdHolder } from '../mailbox/identity.js';
import { checkSignature, judgeSignature, noteSigned, type SignatureCheck } from '../mailbox/signing/check.js';
import { describeProblems, findStrayKeys } from '../schema/index.js';
import { isAlive } from '../host/process-id.js';
import { takeMessage, type TakeDecision, type TakenFile } from '../store/claim.js';
import { randomSuffix } from '../store/durable.js';
import { answerFromCache, fingerprintOf } from './answer-cache.js';
import { closeInterrupted, composeClaim, noteTakenOver, renderRefusal } from './compose.js';
import { endAfterCrash } from './crash-ending.js';
import { readWaiting, type Refusal } from './decide.js';
import { reseal } from '../format/reseal.js';
import type { RunPlan } from './plan.js';
import { isRetry, planRun } from './plan-run.js';
import { buildPrompt } from './prompt.js';
import { policyFacts } from './spending.js';
import { checkDirs, resolveAttachments } from './task-files.js';
import type { Worker } from './worker.js';

export type ClaimOutcome =
  /** Somebody else took it, or it is not there any more. */
  | { kind: 'gone' }
  /** It waits longer; `until`: ms since 1970. `daily`: a limit of the day holds it. */
  | { kind: 'hold'; until: number; daily?: string }
  /** It ended without a run. */
  | { kind: 'ended'; place: Place; id: string | undefined; outcome: ResultRecord['outcome']; reason: string }
  | { kind: 'run'; plan: RunPlan };

const BUSY_AGAIN = 200;

/** The right to run it that was won on the remote (git/exchange). */
export interface Grant {
  /** Its id. */
  id: string;
  /** It has none yet: this one is written with the claim. */
  isMinted: boolean;
  /** The claim's epoch: the run's is at least that. */
  epoch: number;
  /** Workers that were cut off with it since it was last published. */
  crashes: number;
  /** The last of them, and what of its output reached the remote. */
  from?: { worker: string; output: string | undefined };
}

/** The state of one decision while the file is in nobody's folder. */
interface Draft {
  id?: string;
  grant?: Grant | undefined;
  /** What its signature was found to be worth before it was taken; undefined where none counts. */
  signature?: SignatureCheck | undefined;
  hold?: { until: number; daily?: string };
  ended?: { id: string | undefined; outcome: ResultRecord['outcome']; reason: string };
  plan?: Omit<RunPlan, 'place'>;
}

export async function claimTask(
  worker: Worker,
  waiting: { mailbox: string; name: string },
  grant?: Grant,
): Promise<ClaimOutcome> {
  const place: Place = { mailbox: waiting.mailbox, state: 'inbox', name: waiting.name };
  const draft: Draft = { grant };
  let isRun = false;
  try {
    const claimed = await claimDraft(worker, place, draft);
    isRun = claimed.kind === 'run';
    return claimed;
  } finally {
    const { id } = draft;
    // What runs keeps its id to its end (run-task.ts). For the rest, the caller enters it in the catalog in this turn.
    if (id !== undefined && !isRun) setImmediate(() => worker.claiming.delete(id));
  }
}

async function claimDraft(worker: Worker, place: Place, draft: Draft): Promise<ClaimOutcome> {
  draft.signature = await checkSignature(worker.root, place, worker.clock.now(), draft.grant !== undefined);
  const result = await takeMessage(worker.root.dir, place, worker.who, MAX_MESSAGE_BYTES * 4, (read, take) =>
    'problem' in read
      ? refuseUnusable(worker, draft, Buffer.alloc(0), { message: read.problem.message, hint: read.problem.hint })
      : decideOrRefuse(worker, draft, place, read, take),
  );
  if (!result.won) return result.returned && draft.hold ? { kind: 'hold', ...draft.hold } : { kind: 'gone' };
  if (draft.signature && (draft.plan || draft.ended?.outcome === 'complete')) {
    const now = worker.clock.now();
    const fault = await noteSigned(worker.root, draft.signature, draft.plan?.claim.epoch, now);
    if (fault) worker.emit({ type: 'trouble', message: fault.message, ...(fault.hint && { hint: fault.hint }) });
  }
  if (draft.plan) return { kind: 'run', plan: { ...draft.plan, place: result.place } };
  return { kind: 'ended', place: result.place, ...(draft.ended ?? { id: undefined, outcome: 'refused', reason: '' }) };
}

function refuseUnusable(worker: Worker, draft: Draft, bytes: Buffer, refusal: Refusal): TakeDecision {
  draft.ended = { id: undefined, outcome: 'refused', reason: refusal.message };
  const block = renderRefusal(worker.root.config.key, randomSuffix(), refusal);
  return { state: 'failed', bytes: Buffer.concat([bytes, Buffer.from(block)]) };
}

/** A file whose front matter can be read but not written is of no use either: it must not wait in the inbox for ever. */
function decideOrRefuse(
  worker: Worker,
  draft: Draft,
  place: Place,
  file: TakenFile,
  take: string,
): TakeDecision | undefined {
  try {
    return decide(worker, draft, place, file, take);
  } catch (error) {
    if (!(error instanceof MailboxError) || error.code !== 'invalid') throw error;
    delete draft.plan;
    return refuseUnusable(worker, draft, file.bytes, { message: error.message, hint: error.hint });
  }
}

function decide(worker: Worker, draft: Draft, place: Place, file: TakenFile, take: string): TakeDecision | undefined {
  const { bytes } = file;
  const { config } = worker.root;
  const { grant } = draft;
  const now = worker.clock.now();
  const reading = readWaiting(
    // It was claimed as main has it, which vouches for what other hosts wrote into it.
    grant ? reseal(bytes, config.key) : bytes,
    config.key,
    (id) => (worker.claiming.has(id) ? 'running' : findIdHolder(worker.catalog, worker.root.dir, id, place)),
    () => (grant?.isMinted ? grant.id : worker.clock.newId()),
  );
  if (reading.kind === 'unusable') return refuseUnusable(worker, draft, bytes, reading.refusal);
  if (reading.kind === 'busy') {
    draft.hold = { until: now + BUSY_AGAIN };
    return undefined;
  }
  const { id } = reading;
  let { message, changes } = reading;
  const { claim } = message.front;
  if (claim && isAlive(claim.process) && claim.worker.endsWith(`@${config.host}`)) {
    // Moved back while it ran: its worker is still writing the end of that run.
    draft.hold = { until: now + BUSY_AGAIN };
    return undefined;
  }
  draft.id = id;
  worker.claiming.set(id, place.name);
  if (claim) {
    const closed = closeInterrupted(message, now);
    message = closed.message;
    changes = { ...changes, ...closed.changes };
  }
  if (grant) {
    const before = message.front;
    const crashes = (before.crashes ?? 0) + grant.crashes;
    if (grant.crashes > 0) changes = { ...changes, crashes };
    const epoch = Math.max(before.epoch ?? 0, grant.epoch - 1);
    message = { ...message, front: { ...before, epoch, ...(grant.crashes > 0 && { crashes }) } };
    if (grant.from) {
      const cut = noteTakenOver(message, config.key, id, grant.from.worker, now);
      message = cut.message;
      changes = { ...changes, ...cut.changes };
    }
  }
  const { front } = message;
  // A dropped file is as old as its last write; what the engine writes must not make it younger.
  if (front.created === undefined) changes = { id, created: new Date(file.written).toISOString(), ...changes };
  const sealed = { ...changes, id, seal: claimToken(config.key, id, front.epoch ?? 0) };
  const end = (outcome: ResultRecord['outcome'], error: NonNullable<ResultRecord['error']>): TakeDecision => {
    draft.ended = { id, outcome, reason: error.message };
    const block = outcome === 'refused' ? renderRefusal(config.key, randomSuffix(), error) : '';
    const result: ResultRecord = { outcome, at: new Date(now).toISOString(), error };
    return {
      state: 'failed',
      bytes: assembleMessage(
        { split: message.split, ownText: message.ownText, recorded: message.recorded + block },
        { ...sealed, claim: undefined, result },
      ),
    };
  };

  if (draft.signature) {
    const judged = judgeSignature(worker.root, draft.signature, bytes, reading.changes['copied_from'] !== undefined);
    if (judged === 'again') {
      draft.hold = { until: now + BUSY_AGAIN };
      return undefined;
    }
    if (judged) return judged.unsealed ? refuseUnusable(worker, draft, bytes, judged) : end('refused', judged);
  }

  const decision = decidePolicy(front, place.mailbox, config, policyFacts(worker, place, front.from, now, homedir()));
  if (!decision.ok) {
    if (decision.wait) {
      draft.hold = { until: decision.wait.until, daily: decision.wait.message };
      return undefined;
    }
    return end('refused', decision.error);
  }
  const { request } = decision;
  const strays = findStrayKeys(front);
  if (strays.length > 0) worker.emit({ type: 'trouble', message: `${nameOf(place)}: ${describeProblems(strays)}` });
  if ((front.crashes ?? 0) >= request.max_crashes) {
    return end('failed', {
      code: 'max_crashes',
      message: `it was cut off with its worker ${front.crashes} times`,
      hint: 'look at what it does to the machine, then move it back to inbox/ or run `mailboxd retry`',
    });
  }
  const cutOff = grant?.from && endAfterCrash('in_progress', undefined, front.on_crash);
  if (cutOff?.error) return end('failed', cutOff.error);
  const dirs = checkDirs(request, config.allow.dirs);
  if (dirs) return end('refused', { code: 'refused', ...dirs });
  const files = resolveAttachments(worker.root.dir, id, front.attachments ?? []);
  if ('refusal' in files) return end('refused', { code: 'refused', ...files.refusal });

  const prompt = buildPrompt(front, message.ownText, files.paths);
  const fingerprint = config.cache > 0 ? fingerprintOf(prompt, request, files.paths) : undefined;
  const cached = fingerprint === undefined ? undefined : answerFromCache(worker, fingerprint, place.mailbox, now);
  if (cached) {
    draft.ended = { id, outcome: 'complete', reason: `answered from ${cached.id}` };
    return { state: 'complete', bytes: cached.compose(message, sealed, fingerprint ?? '') };
  }

  const planned = planRun(worker, {
    mailbox: place.mailbox,
    message,
    id,
    request,
    prompt,
    take,
    now,
    attachments: files.paths,
    ...(grant?.from?.output !== undefined && { earlier: grant.from.output }),
  });
  draft.plan = planned;
  const counters = isRetry(message) ? { attempts: undefined, crashes: undefined } : {};
  return {
    state: 'in_progress',
    bytes: composeClaim(message, id, planned.claim, planned.text.n, {
      ...changes,
      ...counters,
      ...(fingerprint && { fingerprint }),
    }),
  };
}
