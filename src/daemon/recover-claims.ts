/**
 * After a crash: processes that outlived their daemon are ended first, then every claim of a daemon that is gone is
 * given back (to be resumed or begun again), or ended where the message says so or was cut off too often.
 */
import { unlinkSync } from 'node:fs';
import { MailboxError, systemCode } from '../core/errors.js';
import { isMessageId } from '../core/names.js';
import { STATES, type Claim, type Place, type ResultRecord } from '../core/message.js';
import { limitsFor } from '../core/policy.js';
import { isClaimToken } from '../core/token.js';
import { assembleMessage, lastRunNumber, parseMessage, type ParsedMessage } from '../format/message.js';
import { trimTornEnd } from '../format/torn-end.js';
import { renderResult } from '../format/transcript.js';
import { noteMove } from '../mailbox/acknowledge.js';
import { nameOf } from '../mailbox/find.js';
import { locateMessage, MAX_FILE_BYTES, readPlace } from '../mailbox/locate.js';
import { isAlive } from '../host/process-id.js';
import { endProcesses, findRun } from '../runners/process/index.js';
import { releaseHeld } from '../store/claim.js';
import { parseHeld } from '../store/hidden.js';
import { listHidden, listMailboxes, listState, statMessage } from '../store/list.js';
import { recoverHidden } from '../store/recover.js';
import { diskFault } from '../store/durable.js';
import { messagePath } from '../store/paths.js';
import { moveMessage, settleMessage } from '../store/settle.js';
import { addRun, interruptedRun, noteInterrupted } from './compose.js';
import { endAfterCrash } from './crash-ending.js';
import { noteReply, sendReply } from './replies.js';
import type { Worker } from './worker.js';

const GRACE_MS = 2_000;
/** How far back a person's move is looked for, ms. */
const RECENT = 600_000;

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

/**
 * Brings one mailbox's `in_progress/` and hidden files to where they belong, and gives every claim whose daemon is gone
 * its end, wherever a person moved it meanwhile. Claims that `isHeld` accepts are left alone.
 */
export async function recoverMailbox(
  worker: Worker,
  mailbox: string,
  isHeld: (claim: Claim, id: string) => boolean,
): Promise<void> {
  await recoverMoved(worker, mailbox, isHeld);
  for (const name of listState(worker.root.dir, mailbox, 'in_progress')) {
    await recoverClaim(worker, { mailbox, state: 'in_progress', name }, isHeld);
  }
  // Once more, for what a person moved while this was at work.
  await recoverMoved(worker, mailbox, isHeld);
}

async function recoverMoved(
  worker: Worker,
  mailbox: string,
  isHeld: (claim: Claim, id: string) => boolean,
): Promise<void> {
  recoverNames(worker, mailbox);
  const places = strays(worker, mailbox);
  for (const place of places) await recoverClaim(worker, place, isHeld);
  if (places.length > 0) recoverNames(worker, mailbox);
}

/** The hidden names of a mailbox, also of one that this host does not serve: deliveries to it may have been cut off. */
export function recoverNames(worker: Worker, mailbox: string): void {
  const hasTake = (take: string, name: string): boolean =>
    takesOf(worker, mailbox).has(take) || findMoved(worker, take, name) !== undefined;
  const facts = { isAlive, own: worker.who, hasTake };
  for (const item of recoverHidden(worker.root.dir, mailbox, facts, worker.clock.now())) {
    if (item.what === 'removed') continue;
    worker.catalog.refresh(item.place);
    worker.emit({ type: 'recovered', place: item.place, what: item.what });
  }
}

/** Claimed messages that a person moved out of `in_progress/`: their held originals are still there. */
function strays(worker: Worker, mailbox: string): Place[] {
  const held = listHidden(worker.root.dir, mailbox, 'in_progress')
    .map(parseHeld)
    .filter((item) => item !== undefined);
  if (held.length === 0) return [];
  const takes = takesOf(worker, mailbox);
  return held
    .filter(({ take }) => !takes.has(take))
    .map(({ take, name }) => findMoved(worker, take, name))
    .filter((place) => place !== undefined);
}

/** The message that was claimed by this take, by its name, in whatever folder. */
function findMoved(worker: Worker, take: string, name: string): Place | undefined {
  for (const mailbox of listMailboxes(worker.root.dir)) {
    for (const state of STATES) {
      const place = { mailbox, state, name };
      if (takeOf(worker, place) === take) return place;
    }
  }
  return undefined;
}

function takeOf(worker: Worker, place: Place): string | undefined {
  const bytes = readPlace(worker.root.dir, place);
  const take = bytes && parseSafely(bytes, worker.root.config.key)?.front.claim?.take;
  return typeof take === 'string' ? take : undefined;
}

/** The takes that the claims in `in_progress/` were made from, as it is now: another daemon may claim meanwhile. */
function takesOf(worker: Worker, mailbox: string): Set<string> {
  const places = listState(worker.root.dir, mailbox, 'in_progress').map((name) => ({
    mailbox,
    state: 'in_progress' as const,
    name,
  }));
  return new Set(places.map((place) => takeOf(worker, place)).filter((take) => take !== undefined));
}

function parseSafely(bytes: Buffer, key: string): ParsedMessage | undefined {
  try {
    return parseMessage(trimTornEnd(bytes), key);
  } catch {
    return undefined;
  }
}

/** One file that cannot be brought to its place must not keep the others from theirs. */
async function recoverClaim(
  worker: Worker,
  place: Place,
  isHeld: (claim: Claim, id: string) => boolean,
): Promise<void> {
  try {
    await bringBack(worker, place, isHeld);
  } catch (error) {
    if (!(error instanceof MailboxError)) throw error;
    const { message, hint } = error;
    worker.emit({ type: 'trouble', message: `recovering ${nameOf(place)}: ${message}`, ...(hint && { hint }) });
  }
}

async function bringBack(worker: Worker, place: Place, isHeld: (claim: Claim, id: string) => boolean): Promise<void> {
  const root = worker.root.dir;
  const { key } = worker.root.config;
  const bytes = readPlace(root, place);
  const message = bytes && parseSafely(bytes, key);
  if (!message) return; // no message, or one that a person is mending: it is shown by `doctor`
  const { claim } = message.front;
  const id = message.front.id ?? '';
  if (!claim || !isMessageId(id) || !isClaimToken(key, id, String(claim.token))) {
    // No worker of this host claimed it: it waits, and what it brings along is judged when it is claimed.
    if (place.state !== 'in_progress') return;
    // Another host's, or abandoned: who may have it is decided on the remote.
    if (worker.lease?.isForeign(place.mailbox)) return;
    const waiting = await moveMessage(root, place, { mailbox: place.mailbox, state: 'inbox' }, worker.who);
    noteMove(worker.catalog, root, place, waiting);
    if (waiting) worker.emit({ type: 'recovered', place: waiting, what: 'given back' });
    return;
  }
  if (isHeld(claim, id)) return;
  const now = worker.clock.now();
  if (await dropFinished(worker, place, message)) return;

  const crashes = (message.front.crashes ?? 0) + (claim ? 1 : 0);
  const { max_crashes } = limitsFor(worker.root.config, message.front.from ?? 'unknown');
  const ending =
    claim && endAfterCrash(place.state, crashes >= max_crashes ? crashes : undefined, message.front.on_crash);
  const record = claim && interruptedRun(message, now);
  const result: ResultRecord | undefined = ending?.error && {
    outcome: ending.outcome,
    at: new Date(now).toISOString(),
    ...(claim?.runner && { runner: claim.runner }),
    error: ending.error,
  };
  const build = (content: Buffer): string => {
    const current = parseMessage(trimTornEnd(content), key);
    const { eol } = current.split;
    const answer =
      result?.error && claim
        ? eol +
          renderResult(
            lastRunNumber(current),
            claim.token,
            `**${ending?.word}** (${result.error.code}): ${result.error.message}`,
            eol,
          )
        : '';
    return assembleMessage(
      {
        split: current.split,
        ownText: current.ownText,
        recorded: (record ? noteInterrupted(current) : current.recorded) + answer,
      },
      { claim: undefined, ...(record && { runs: addRun(current, record), crashes }), ...(result && { result }) },
    );
  };
  const wantsReply = claim !== undefined && result !== undefined && message.front.reply === true;
  if (wantsReply) noteReply(root, id, claim.epoch);
  const to = { mailbox: place.mailbox, state: ending?.state ?? 'inbox' };
  const placed = await settleMessage(root, place, to, worker.who, MAX_FILE_BYTES, build);
  noteMove(worker.catalog, root, place, placed);
  if (claim && placed) releaseHeld(root, place.mailbox, claim.take, place.name);
  if (placed) worker.emit({ type: 'recovered', place: placed, what: result ? result.outcome : 'given back' });
  if (placed && wantsReply && !worker.lease?.isClaimed(id)) await sendReply(worker, id, claim.epoch, placed);
}

/**
 * The crash came between the new file in `complete/` (or `failed/`, or `inbox/`) and the removal of this one: the new
 * one stands. An edit that a person made here in between becomes a message of its own.
 */
async function dropFinished(worker: Worker, place: Place, message: ParsedMessage): Promise<boolean> {
  const root = worker.root.dir;
  const { id, claim } = message.front;
  if (id === undefined || claim === undefined) return false;
  const isHere = (other: Place): boolean =>
    other.mailbox === place.mailbox && other.state === place.state && other.name === place.name;
  const others = [...worker.catalog.withId(id)]
    // a person may have moved it since the folders were read
    .map((record) =>
      statMessage(root, record) ? record : locateMessage(root, id, record, worker.clock.now() - RECENT, isHere),
    )
    .filter((other) => other !== undefined && !isHere(other)) as Place[];
  for (const other of others) {
    const bytes = readPlace(root, other);
    const newer = bytes && parseSafely(bytes, worker.root.config.key);
    if (!newer || !isClaimToken(worker.root.config.key, id, newer.front.seal ?? '')) continue;
    if (!endsClaim(newer, other, claim, place)) continue;
    const isGone =
      newer.ownText === message.ownText
        ? takeOut(messagePath(root, place))
        : (await moveMessage(root, place, { mailbox: place.mailbox, state: 'inbox' }, worker.who)) !== undefined;
    // A person moved it in this moment: it is found again where it is now.
    if (!isGone) return true;
    noteMove(worker.catalog, root, place, undefined);
    releaseHeld(root, place.mailbox, claim.take, place.name);
    worker.emit({ type: 'recovered', place: other, what: 'its end had been written already' });
    return true;
  }
  return false;
}

/** False when it is not there any more. */
function takeOut(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw diskFault(error, `removing ${path}`);
  }
}

/**
 * Whether `newer` was written at the end of exactly this claim, or went on from there. The token does not tell: a copy
 * with the same id and epoch has it too. The session does; a hand-back without a trace is known by its name.
 */
function endsClaim(newer: ParsedMessage, at: Place, claim: Claim, place: Place): boolean {
  const { runs, epoch = 0 } = newer.front;
  if (runs?.some((run) => run.epoch === claim.epoch && run.session === claim.session)) return true;
  const isNamesake = at.name.split('/').at(-1) === place.name;
  return (
    isNamesake && epoch === claim.epoch && newer.front.claim === undefined && !runs?.some((run) => run.epoch === epoch)
  );
}
