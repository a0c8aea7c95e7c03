/**
 * After a crash: processes that outlived their daemon are ended first, then every claim of a daemon that is gone is
 * given back (to be resumed or begun again), or ended where the message says so or was cut off too often.
 */
import type { Claim, Place, ResultRecord, RunRecord } from '../core/message.js';
import { limitsFor } from '../core/policy.js';
import { isClaimToken } from '../core/token.js';
import { assembleMessage, lastRunNumber, parseMessage, type ParsedMessage } from '../format/message.js';
import { renderResult } from '../format/transcript.js';
import { noteMove } from '../mailbox/acknowledge.js';
import { MAX_FILE_BYTES, readPlace } from '../mailbox/locate.js';
import { isAlive } from '../host/process-id.js';
import { endProcesses, findRun } from '../runners/process/index.js';
import { releaseHeld } from '../store/claim.js';
import { listState } from '../store/list.js';
import { recoverHidden } from '../store/recover.js';
import { removeQuietly } from '../store/durable.js';
import { messagePath } from '../store/paths.js';
import { moveMessage, settleMessage } from '../store/settle.js';
import { addRun } from './compose.js';
import type { Worker } from './worker.js';

const GRACE_MS = 2_000;

/** Ends what daemons that are gone left running. */
export async function sweepProcesses(worker: Worker): Promise<void> {
  for (const entry of worker.ledger.orphans(isAlive)) {
    const found = findRun(entry.session, entry.process).length;
    if (found === 0) {
      worker.ledger.close(entry.session);
      continue;
    }
    const left = await endProcesses(entry.session, entry.process, { grace: GRACE_MS });
    worker.emit({
      type: 'trouble',
      message: `a killed daemon had left ${found} process${found === 1 ? '' : 'es'} of ${entry.message}; ${left === 0 ? 'ended' : `${left} cannot be ended`}`,
    });
    if (left === 0) worker.ledger.close(entry.session);
  }
}

/** Brings one mailbox's `in_progress/` and hidden files to where they belong; claims that `isHeld` accepts are left alone. */
export async function recoverMailbox(
  worker: Worker,
  mailbox: string,
  isHeld: (claim: Claim, id: string) => boolean,
): Promise<void> {
  const root = worker.root.dir;
  const facts = { isAlive, own: worker.who, hasTake: (take: string) => takesOf(worker, mailbox).has(take) };
  const recovered = recoverHidden(root, mailbox, facts, worker.clock.now());
  for (const item of recovered) {
    if (item.what === 'removed') continue;
    worker.catalog.refresh(item.place);
    worker.emit({ type: 'recovered', place: item.place, what: item.what });
  }
  for (const name of listState(root, mailbox, 'in_progress'))
    await recoverClaim(worker, { mailbox, state: 'in_progress', name }, isHeld);
}

/** The takes that the claims in `in_progress/` were made from, as it is now: another daemon may claim meanwhile. */
function takesOf(worker: Worker, mailbox: string): Set<string> {
  const takes = new Set<string>();
  for (const name of listState(worker.root.dir, mailbox, 'in_progress')) {
    const bytes = readPlace(worker.root.dir, { mailbox, state: 'in_progress', name });
    const take = bytes && parseSafely(bytes, worker.root.config.key)?.front.claim?.take;
    if (typeof take === 'string') takes.add(take);
  }
  return takes;
}

function parseSafely(bytes: Buffer, key: string): ParsedMessage | undefined {
  try {
    return parseMessage(bytes, key);
  } catch {
    return undefined;
  }
}

async function recoverClaim(
  worker: Worker,
  place: Place,
  isHeld: (claim: Claim, id: string) => boolean,
): Promise<void> {
  const root = worker.root.dir;
  const { key } = worker.root.config;
  const bytes = readPlace(root, place);
  const message = bytes && parseSafely(bytes, key);
  if (!message) return; // no message, or one that a person is mending: it is shown by `doctor`
  const { claim } = message.front;
  if (claim && isHeld(claim, message.front.id ?? '')) return;
  const now = worker.clock.now();
  if (claim && (await dropFinished(worker, place, message))) return;

  const crashes = (message.front.crashes ?? 0) + (claim ? 1 : 0);
  const limits = limitsFor(worker.root.config, message.front.from ?? 'unknown');
  const gaveUp = crashes >= limits.max_crashes;
  const fails = claim !== undefined && (gaveUp || message.front.on_crash === 'fail');
  const record = claim && interruptedRun(message, claim.worker, now);
  const result: ResultRecord | undefined = fails
    ? {
        outcome: 'failed',
        at: new Date(now).toISOString(),
        ...(claim.runner && { runner: claim.runner }),
        error: gaveUp
          ? {
              code: 'max_crashes',
              message: `it was cut off with its worker ${crashes} times`,
              hint: 'look at what it does to the machine before you retry it',
            }
          : {
              code: 'interrupted',
              message: 'its worker stopped without warning, and on_crash is fail',
              hint: 'check what it did, then retry it',
            },
      }
    : undefined;
  const build = (content: Buffer): string => {
    const current = parseMessage(content, key);
    const eol = current.split.eol;
    const gap =
      current.recorded.endsWith('\n\n') || current.recorded === ''
        ? ''
        : current.recorded.endsWith('\n')
          ? eol
          : eol + eol;
    const note = record ? `${gap}_interrupted: its worker stopped without warning_${eol}` : '';
    const answer =
      result?.error && claim
        ? eol +
          renderResult(
            lastRunNumber(current),
            claim.token,
            `**Failed** (${result.error.code}): ${result.error.message}`,
            eol,
          )
        : '';
    return assembleMessage(
      { split: current.split, ownText: current.ownText, recorded: current.recorded + note + answer },
      { claim: undefined, ...(record && { runs: addRun(current.front, record), crashes }), ...(result && { result }) },
    );
  };
  const placed = await settleMessage(
    root,
    place,
    { mailbox: place.mailbox, state: fails ? 'failed' : 'inbox' },
    worker.who,
    MAX_FILE_BYTES,
    build,
  );
  noteMove(worker.catalog, root, place, placed);
  if (claim) releaseHeld(root, place.mailbox, claim.take, place.name);
  if (placed) worker.emit({ type: 'recovered', place: placed, what: fails ? 'failed' : 'given back' });
}

function interruptedRun(message: ParsedMessage, worker: string, now: number): RunRecord {
  const { claim } = message.front;
  return {
    n: Math.max(1, lastRunNumber(message)),
    epoch: claim?.epoch ?? 0,
    token: claim?.token ?? '',
    worker,
    runner: claim?.runner ?? 'unknown',
    ...(claim?.session !== undefined && { session: claim.session }),
    started: claim?.at ?? new Date(now).toISOString(),
    outcome: 'interrupted',
    reason: 'interrupted: its worker stopped without warning',
  };
}

/**
 * The crash came between the new file in `complete/` (or `failed/`, or `inbox/`) and the removal of this one: the new
 * one stands. An edit that a person made here in between becomes a message of its own.
 */
async function dropFinished(worker: Worker, place: Place, message: ParsedMessage): Promise<boolean> {
  const root = worker.root.dir;
  const { id, claim } = message.front;
  if (id === undefined || claim === undefined) return false;
  const others = worker.catalog
    .findById(id, 5)
    .filter((record) => record.id === id && !(record.state === 'in_progress' && record.name === place.name));
  for (const other of others) {
    const bytes = readPlace(root, other);
    const newer = bytes && parseSafely(bytes, worker.root.config.key);
    if (!newer || !isClaimToken(worker.root.config.key, id, newer.front.seal ?? '')) continue;
    const epoch = newer.front.epoch ?? 0;
    if (epoch < claim.epoch || (epoch === claim.epoch && newer.front.claim !== undefined)) continue;
    if (newer.ownText === message.ownText) removeQuietly(messagePath(root, place));
    else await moveMessage(root, place, { mailbox: place.mailbox, state: 'inbox' }, worker.who);
    noteMove(worker.catalog, root, place, undefined);
    releaseHeld(root, place.mailbox, claim.take, place.name);
    worker.emit({ type: 'recovered', place: other, what: 'its end had been written already' });
    return true;
  }
  return false;
}
