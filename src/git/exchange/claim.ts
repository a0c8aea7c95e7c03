/**
 * Claims, in batches: one push for many, each with its own fate; then a new look, for a worker with an old picture can
 * win a claim for a message that another has just finished. Every object id is written down before it is pushed.
 */
import { MailboxError } from '../../core/errors.js';
import { renewalOf, longestSince } from '../../core/lease.js';
import { idOf } from '../../format/id-of.js';
import { messagePath } from '../../store/paths.js';
import { readRegular } from '../../store/durable.js';
import type { State } from '../../core/message.js';
import { writeClaim, type GitClaim } from '../claim-commit.js';
import { asState, type HeldState } from '../held.js';
import { blobOid } from '../objects.js';
import { refOf, SPACES } from '../ref-names.js';
import type { PushResult, RefUpdate } from '../remote.js';
import { findEntry } from '../trees.js';
import { keyFor, look, mayTakeOver } from './look.js';
import { findAbandoned, findRival } from './rival.js';
import { treeOf, withRefs, type ExchangeState } from './state.js';

export interface ClaimRequest {
  mailbox: string;
  state: State;
  name: string;
}

export type ClaimAnswer =
  | { kind: 'granted'; held: HeldState }
  /** Another holds it; `key` is what to wait for. */
  | { kind: 'busy'; key: string; by: string }
  /** main does not have it yet as it is here: it is published first. */
  | { kind: 'unpublished' }
  /** It will not be published as it is. */
  | { kind: 'withheld'; why: string }
  /** It is not there any more, or not waiting. */
  | { kind: 'gone' };

interface Attempt {
  index: number;
  held: HeldState;
  update: RefUpdate;
  isNew: boolean;
}

const MAX_READ = 256 * 1024 * 1024;

/** Claims what can be claimed of the requests; answers in their order. Throws `unavailable` when the remote is away. */
export async function claimAll(state: ExchangeState, requests: readonly ClaimRequest[]): Promise<ClaimAnswer[]> {
  const answers: ClaimAnswer[] = requests.map(() => ({ kind: 'gone' }));
  const attempts: Attempt[] = [];
  const keys = new Set<string>();
  const tree = await treeOf(state, state.view.main);
  for (const [index, request] of requests.entries()) {
    const prepared = await prepare(state, tree, request);
    if ('kind' in prepared) answers[index] = prepared;
    else if (keys.has(prepared.key)) answers[index] = { kind: 'busy', key: prepared.key, by: 'this host' };
    else {
      keys.add(prepared.key);
      attempts.push(await attempt(state, index, prepared));
    }
  }
  if (attempts.length === 0) return answers;
  await pushClaims(state, attempts);
  await look(state, { isQuiet: true });
  const now = await treeOf(state, state.view.main);
  const back: HeldState[] = [];
  for (const { index, held } of attempts) {
    if (state.held.all.get(held.key) !== held || held.current === undefined || !held.sent) {
      const by = state.seen.get(held.key)?.claim.worker ?? 'another host';
      answers[index] = { kind: 'busy', key: held.key, by };
      continue;
    }
    const rival = await findRival(state, now, held.key, held.key.startsWith('file.') ? undefined : held.id, held);
    if (!rival && (await waitsStill(state, now, held))) {
      held.isActive = true;
      held.isFresh = false;
      answers[index] = { kind: 'granted', held };
    } else back.push(held);
  }
  if (back.length > 0) await release(state, back);
  return answers;
}

/** The claim that is to be made, or why none is. */
async function prepare(
  state: ExchangeState,
  tree: string | undefined,
  { mailbox, state: folder, name }: ClaimRequest,
): Promise<Prepared | ClaimAnswer> {
  const path = `mailboxes/${mailbox}/${folder}/${name}`;
  let bytes: Buffer | undefined;
  try {
    bytes = readRegular(messagePath(state.repository.dir, { mailbox, state: folder, name }), MAX_READ)?.bytes;
  } catch {
    return { kind: 'unpublished' };
  }
  if (!bytes) return { kind: 'gone' };
  const id = idOf(bytes);
  const oid = blobOid(bytes);
  const abandoned = await findAbandoned(state, tree, id, { path, blob: oid });
  const key = abandoned?.claim.key ?? keyFor(state, id, mailbox, name);
  const own = state.held.all.get(key) ?? (id === undefined ? undefined : state.held.byId(id));
  // Of a file without id another may have come to its place; what is done has its result on the remote's claim.
  const isOther = own !== undefined && id === undefined && own.key === key && oid !== own.blob;
  if (own)
    return own.isActive || own.isEnded || own.isLost || own.isDone || isOther
      ? { kind: 'busy', key: own.key, by: 'this host' }
      : { key: own.key, own };
  const entry = await findEntry(state.repository.objects, tree, path);
  const why = state.withheld.get(path);
  if (why !== undefined) return { kind: 'withheld', why };
  if (entry?.oid !== oid) return { kind: 'unpublished' };
  const rival = await findRival(state, tree, key, id, { path, blob: oid });
  if (rival) return { kind: 'busy', key: rival.claim.key, by: rival.claim.worker };
  const seen = state.seen.get(key);
  if (seen && !mayTakeOver(state, key)) return { kind: 'busy', key, by: seen.claim.worker };
  // Under its mailbox and name another bare file may have been claimed before.
  const isSame = seen !== undefined && (id !== undefined || seen.claim.blob === oid);
  const claim: GitClaim = {
    ...{ key, id, path, blob: oid, host: state.settings.host, worker: `${mailbox}@${state.settings.host}` },
    epoch: (seen?.claim.epoch ?? 0) + 1,
    // One that this host made and knows nothing of any more came to no run.
    crashes: isSame ? seen.claim.crashes + (seen.claim.host === state.settings.host ? 0 : 1) : 0,
    lease: state.settings.lease,
  };
  return { key, claim, mailbox, from: seen, isSame };
}

type Prepared =
  | { key: string; own: HeldState }
  | {
      key: string;
      claim: GitClaim;
      mailbox: string;
      /** What is there under the key, and whether it is a claim of this message. */
      from: { oid: string; claim: GitClaim } | undefined;
      isSame: boolean;
      own?: undefined;
    };

async function attempt(state: ExchangeState, index: number, prepared: Prepared): Promise<Attempt> {
  const ref = refOf(state.remote.space, 'claims', prepared.key);
  if (prepared.own) {
    const { own } = prepared;
    return { index, held: own, update: await renewalUpdate(state, own), isNew: false };
  }
  const { claim, mailbox, from, isSame } = prepared;
  const oid = await writeClaim(state.repository.objects, claim, stamp(state));
  const held = asState({
    ...{ key: claim.key, id: claim.id ?? state.newId(), mailbox, worker: claim.worker, epoch: claim.epoch },
    ...{ crashes: claim.crashes, lease: claim.lease, path: claim.path, blob: claim.blob, tried: [oid], ends: [] },
    ...(from && isSame && from.claim.host !== state.settings.host && { from: from.claim.worker }),
  });
  held.isFresh = true;
  if (from && isSame) {
    const what = { id: held.id, path: held.path, from: from.claim.worker };
    state.hooks.onEvent({ type: 'taken over', ...what });
  }
  return { index, held, update: { ref, from: from?.oid ?? null, to: oid }, isNew: true };
}

/** Whether main has it as it was when it was claimed, or as this claim shows it. */
async function waitsStill(state: ExchangeState, tree: string | undefined, held: HeldState): Promise<boolean> {
  const { objects } = state.repository;
  if ((await findEntry(objects, tree, held.path))?.oid === held.blob) return true;
  return held.shown !== undefined && (await findEntry(objects, tree, held.shown.path))?.oid === held.shown.blob;
}

function stamp(state: ExchangeState): { identity: string; now: number } {
  return { identity: state.repository.identity, now: state.instant().wall };
}

/** A new object for a claim that is held already, with compare and swap. */
export async function renewalUpdate(state: ExchangeState, held: HeldState): Promise<RefUpdate> {
  const claim: GitClaim = {
    ...{ key: held.key, id: held.id, path: held.path, blob: held.blob, worker: held.worker, epoch: held.epoch },
    ...{ host: state.settings.host, crashes: held.crashes, lease: held.lease },
    ...(held.shown && { shown: held.shown }),
  };
  const oid = await writeClaim(state.repository.objects, claim, stamp(state));
  const from = held.current ?? state.view.refs.get(`claims/${held.key}`) ?? null;
  held.tried.push(oid);
  return { ref: refOf(state.remote.space, 'claims', held.key), from, to: oid };
}

async function pushClaims(state: ExchangeState, attempts: readonly Attempt[]): Promise<void> {
  for (const { held, isNew } of attempts) if (isNew) state.held.all.set(held.key, held);
  await state.held.save();
  const sent = state.instant();
  for (const { held, update } of attempts) held.lastTry = { oid: update.to ?? '', sent };
  // The remote takes them one after the other: in an order of one's own, workers that ask for the same share it.
  const shuffled = attempts.map(({ update }) => ({ update, at: Math.random() })).toSorted((a, b) => a.at - b.at);
  let result = await state.remote.push(shuffled.map(({ update }) => update));
  if (result.kind === 'known' && attempts.every(({ update }) => fateOf(result, update) === 'declined'))
    result = await fallBack(state, attempts, result);
  if (result.kind === 'known' && attempts.every(({ update }) => fateOf(result, update) === 'declined'))
    throw new MailboxError('unavailable', `the remote takes no claims: ${result.said.trim().slice(-300)}`, {
      hint: 'may this host push refs other than main there? `mailboxd doctor` asks the remote',
    });
  // A refusal, too, may be the answer to a repetition of what had landed: the look that follows decides.
  for (const { held, update } of attempts) {
    const fate = fateOf(result, update);
    if (fate === 'ok') {
      held.current = update.to ?? undefined;
      held.sent = sent;
      state.view = withRefs(state.view, [[`claims/${held.key}`, held.current]]);
    }
  }
}

function fateOf(result: PushResult, update: RefUpdate): string | undefined {
  return result.kind === 'known' ? result.fates.get(update.ref) : undefined;
}

/** The remote takes nothing outside `refs/heads`: the same below that, from now on. */
async function fallBack(state: ExchangeState, attempts: readonly Attempt[], first: PushResult): Promise<PushResult> {
  const [usual, other] = SPACES;
  if (state.remote.space !== usual) return first;
  state.remote.space = other;
  for (const { held, update } of attempts) update.ref = refOf(other, 'claims', held.key);
  const result = await state.remote.push(attempts.map(({ update }) => update));
  if (result.kind === 'known' && [...result.fates.values()].includes('declined')) state.remote.space = usual;
  return result;
}

/** Lets claims go that came to nothing. */
export async function release(state: ExchangeState, all: readonly HeldState[]): Promise<void> {
  const updates = all.flatMap((held) =>
    held.current === undefined
      ? []
      : [{ ref: refOf(state.remote.space, 'claims', held.key), from: held.current, to: null }],
  );
  await state.remote.push(updates);
  for (const held of all) {
    state.held.all.delete(held.key);
    state.seen.delete(held.key);
  }
  state.view = withRefs(
    state.view,
    all.map((held) => [`claims/${held.key}`, undefined]),
  );
  await state.held.save();
}

/** When renewals become due, ms from `now` (monotonic); those that are due have none. */
export function nextRenewals({ held }: ExchangeState, now: number): number[] {
  return [...held.all.values()]
    .filter(({ isActive, isEnded }) => isActive || isEnded)
    .map(({ sent, lease }) => (sent?.mono ?? 0) + renewalOf(lease) - now);
}

/** Those whose renewal is due. */
export function dueForRenewal(state: ExchangeState): HeldState[] {
  const now = state.instant();
  return [...state.held.all.values()].filter(
    (held) =>
      (held.isActive || held.isEnded) &&
      !held.isLost &&
      !held.isDone &&
      (held.sent === undefined || longestSince(held.sent, now) >= renewalOf(held.lease)),
  );
}

/** Renews; one whose renewal is refused is looked into by the next look. */
export async function renew(state: ExchangeState, due: readonly HeldState[]): Promise<boolean> {
  if (due.length === 0) return true;
  const updates = [];
  for (const held of due) updates.push(await renewalUpdate(state, held));
  await state.held.save();
  const sent = state.instant();
  for (const [index, held] of due.entries()) held.lastTry = { oid: updates[index]?.to ?? '', sent };
  const result = await state.remote.push(updates);
  let isWhole = true;
  for (const [index, held] of due.entries()) {
    const update = updates[index];
    if (update && fateOf(result, update) === 'ok') {
      held.current = update.to ?? undefined;
      held.sent = sent;
      state.view = withRefs(state.view, [[`claims/${held.key}`, held.current]]);
    } else isWhole = false;
  }
  return isWhole;
}
