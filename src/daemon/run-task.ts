/**
 * One run: the runner is started, its events go into the file as they come, and when it has ended its message is
 * finished. Whatever happens, the run ends with the file in its place and no process left.
 */
import { lstatSync, mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Place } from '../core/message.js';
import { MailboxError, messageOf } from '../core/errors.js';
import { assembleMessage, parseMessage } from '../format/message.js';
import { noteMove } from '../mailbox/acknowledge.js';
import { nameOf } from '../mailbox/find.js';
import { MAX_FILE_BYTES } from '../mailbox/locate.js';
import { processId } from '../host/process-id.js';
import type { Outcome, Run, RunEvent } from '../runners/port.js';
import { releaseHeld } from '../store/claim.js';
import { faultPoint } from '../store/fault-points.js';
import { messagePath } from '../store/paths.js';
import { settleMessage } from '../store/settle.js';
import { finishRun, judgeEnd, type StopReason, type Verdict } from './finish.js';
import type { RunPlan } from './plan.js';
import { noteReply, sendReply } from './replies.js';
import { createRunRecord } from './run-record.js';
import { createRunWriter } from './run-text.js';
import { ownTurn } from './turns.js';
import type { Worker } from './worker.js';

export interface RunningTask {
  readonly id: string;
  readonly from: string;
  /** When it was claimed, ms since 1970. */
  readonly since: number;
  /** The runner's session. */
  readonly session: string | undefined;
  readonly place: Place;
  /** Puts a message into it; false when it can take none any more. */
  say(from: string, text: string, uuid: string): boolean;
  /** Its folder changed: looks whether its file is still there, and stops when not. */
  look(): void;
  stop(reason: StopReason): void;
  /** Settles when the message has its end. Never rejects. */
  readonly done: Promise<TaskEnd>;
}

/** How long to wait before the end of a run is written again, ms; each time twice as long. */
const WRITE_AGAIN = 1_000;
const WRITE_AGAIN_MAX = 60_000;
/** What a timer can wait, ms; asked for more, it would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

export type TaskEnd = {
  outcome: Outcome;
  verdict: Verdict;
  place: Place | undefined;
  fault?: unknown;
  isLost?: boolean;
};

export function runTask(worker: Worker, plan: RunPlan, onReceipt: (uuid: string) => void): RunningTask {
  const root = worker.root.dir;
  const runner = worker.runner(plan.request.runner);
  const record = createRunRecord(root, plan.id, plan.claim.epoch);
  let run: Run | undefined;
  let stopped: StopReason | undefined;
  /** Fires when there is no more time to wait for the disk. */
  const given = new AbortController();
  let first: RunEvent | undefined;

  const stop = (reason: StopReason): void => {
    stopped ??= reason;
    if (reason === 'drain') given.abort();
    void run?.stop();
  };
  const writer = createRunWriter(root, plan.text, plan.request.output_bytes, {
    place: () => plan.place,
    onAppend: (text) => worker.emit({ type: 'output', id: plan.id, place: plan.place, text }),
    onMissing: () => stop('moved'),
    onTooLarge: () => stop('output'),
    onTrouble: (fault) =>
      worker.emit({ type: 'trouble', message: fault.message, ...(fault.hint && { hint: fault.hint }) }),
  });
  let recording: NodeJS.Timeout | undefined;
  const onRaw = (line: string): void => {
    record.add(line);
    recording ??= setTimeout(() => {
      recording = undefined;
      record.flush();
    }, 100);
  };
  const onEvent = (event: RunEvent): void => {
    first ??= event;
    if (event.type === 'Progress' && event.kind === 'receipt' && event.uuid !== undefined) onReceipt(event.uuid);
    writer.event(event);
  };

  /** A run whose lease may end is watched from outside, too. */
  const guard = (session: string, process?: string): void => {
    const left = worker.lease?.left(plan.id) ?? Infinity;
    if (Number.isFinite(left)) worker.watchdog?.watch(session, process, left);
  };

  const attempt = async (): Promise<Outcome> => {
    const { session } = plan.claim;
    if (session === undefined) throw new MailboxError('failed', 'a claim without a session');
    if (!runner.inProcess) mkdirSync(plan.cwd, { recursive: true });
    worker.sessions.note(session, { mailbox: plan.place.mailbox, from: plan.from, cwd: plan.cwd });
    const entry = { session, message: plan.id, daemon: worker.who };
    if (!runner.inProcess) worker.ledger.open(entry);
    const onSpawn = (pid: number): void => {
      const process = processId(pid);
      try {
        if (process === undefined) return;
        guard(session, process);
        worker.ledger.open({ ...entry, process });
      } catch (error) {
        // The entry without the process stands, by which a sweep finds the run too.
        worker.emit({ type: 'trouble', message: `noting the process of ${plan.id}: ${messageOf(error)}` });
      }
    };
    if (!runner.inProcess) {
      guard(session);
      await ownTurn();
    }
    // The last look before the spawn: a person may have moved it since it was claimed.
    look();
    if (worker.lease && worker.lease.left(plan.id) <= 0) stop('lease');
    if (stopped !== undefined) {
      worker.watchdog?.forget(session);
      return { kind: 'stopped', stats: {} };
    }
    const request = {
      messageId: plan.id,
      epoch: plan.claim.epoch,
      prompt: plan.prompt,
      options: plan.request.options,
      session,
      resume: plan.resumes,
      cwd: plan.cwd,
      attachments: plan.attachments,
      ...(plan.profile !== undefined && { profile: plan.profile }),
      ...(plan.front.traceparent !== undefined && { traceparent: plan.front.traceparent }),
    };
    run = runner.start(request, { onEvent, onRaw, onSpawn });
    const limit = setTimeout(() => stop('timeout'), Math.min(plan.request.timeout, LONGEST_TIMER));
    try {
      const outcome = await run.outcome;
      if (!runner.inProcess) worker.ledger.close(session);
      return outcome;
    } finally {
      clearTimeout(limit);
      worker.watchdog?.forget(session);
      run = undefined;
    }
  };

  const look = (): void => {
    if (lstatSync(messagePath(root, plan.place), { throwIfNoEntry: false }) === undefined) stop('moved');
  };

  const work = async (): Promise<TaskEnd> => {
    let outcome: Outcome;
    try {
      outcome = await attempt();
      if (
        outcome.kind === 'failed' &&
        outcome.error.code === 'session_not_found' &&
        plan.resumes &&
        stopped === undefined
      ) {
        await startAnew(worker, plan);
        outcome = await attempt();
      }
    } catch (error) {
      const fault =
        error instanceof MailboxError ? error : new MailboxError('failed', messageOf(error), { cause: error });
      outcome = {
        kind: 'failed',
        retry: true,
        error: { code: 'start', message: fault.message, ...(fault.hint && { hint: fault.hint }) },
        stats: {},
      };
    }
    // The watchdog may have ended it before this process looked at the clock: that is no failure of the task.
    if (outcome.kind === 'failed' && worker.lease && worker.lease.left(plan.id) <= 0) stop('lease');
    clearTimeout(recording);
    writer.flush();
    writer.close();
    record.flush();
    const verdict = judgeEnd(plan, outcome, stopped, worker.root.config, worker.clock.now());
    return stopped === 'lease' ? letGo(outcome, verdict) : finish(outcome, verdict);
  };

  /** Where the disk refuses it, the end is written when it lets us: what was run is not run again for that. */
  const persist = async <T>(write: () => Promise<T>): Promise<T> => {
    for (let wait = WRITE_AGAIN; ; wait = Math.min(wait * 2, WRITE_AGAIN_MAX)) {
      try {
        return await write();
      } catch (error) {
        if (!(error instanceof MailboxError) || error.code !== 'unavailable' || given.signal.aborted) throw error;
        const hint = `${error.hint ?? 'mend it'}; the end is kept in memory and written then`;
        if (wait === WRITE_AGAIN)
          worker.emit({ type: 'trouble', message: `finishing ${nameOf(plan.place)}: ${error.message}`, hint });
        await sleep(wait, undefined, { signal: given.signal }).catch(() => undefined);
      }
    }
  };

  /** Another may have it by now: what was written stays where it is, for the exchange to set aside. */
  const letGo = (outcome: Outcome, verdict: Verdict): TaskEnd => {
    worker.claiming.delete(plan.id);
    try {
      releaseHeld(root, plan.place.mailbox, plan.claim.take, plan.place.name);
      return { outcome, verdict, place: undefined, isLost: true };
    } catch (fault) {
      return { outcome, verdict, place: undefined, fault, isLost: true };
    }
  };

  const finish = async (outcome: Outcome, verdict: Verdict): Promise<TaskEnd> => {
    const before = plan.place;
    try {
      const wantsReply = plan.front.reply === true && verdict.outcome !== undefined;
      if (wantsReply) noteReply(root, plan.id, plan.claim.epoch);
      const { place } = await persist(() => finishRun(worker, plan, verdict));
      noteMove(worker.catalog, root, before, place);
      faultPoint?.('ended');
      const late = releaseHeld(root, before.mailbox, plan.claim.take, before.name);
      if (late)
        worker.emit({
          type: 'recovered',
          place: late,
          what: 'somebody wrote into the file after it was claimed; that version is a message of its own',
        });
      // With a remote, a reply goes out when the end is on main.
      if (wantsReply && place && !worker.lease?.isClaimed(plan.id))
        await sendReply(worker, plan.id, plan.claim.epoch, place);
      return { outcome, verdict, place };
    } catch (fault) {
      return { outcome, verdict, place: undefined, fault };
    } finally {
      worker.claiming.delete(plan.id);
    }
  };

  return {
    id: plan.id,
    from: plan.from,
    since: plan.startedAt,
    get session() {
      return plan.claim.session;
    },
    get place() {
      return plan.place;
    },
    say(from, text, uuid) {
      if (!runner.can.say || !run || stopped !== undefined || !run.say(`Message from ${from}:\n\n${text}`, uuid))
        return false;
      writer.said(from, text);
      return true;
    },
    look,
    stop,
    done: work(),
  };
}

/** The session it should have gone on with is not there: a new one, written to the file before it starts. */
async function startAnew(worker: Worker, plan: RunPlan): Promise<void> {
  plan.claim = { ...plan.claim, session: worker.clock.newSession() };
  plan.resumes = false;
  plan.prompt = plan.fullPrompt;
  const build = (bytes: Buffer): string =>
    assembleMessage(parseMessage(bytes, worker.root.config.key), { claim: plan.claim });
  const placed = await settleMessage(worker.root.dir, plan.place, plan.place, worker.who, MAX_FILE_BYTES, build);
  if (placed) plan.place = placed;
}
