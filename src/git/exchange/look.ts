/**
 * A look at the remote, and what follows from it for the claims of this host: which are its own, which are lost, which
 * of the others' are over. Decided by what is there, never by how a push ended.
 */
import { isOver } from '../../core/lease.js';
import { MailboxError, messageOf } from '../../core/errors.js';
import { readClaim, type GitClaim } from '../claim-commit.js';
import { isAncestor } from '../checkout.js';
import type { HeldState } from '../held.js';
import { claimKey, type RefKind } from '../ref-names.js';
import type { RemoteView } from '../remote-refs.js';
import { gitFault, readGit, runGit } from '../run.js';
import { noteKnown } from './known.js';
import { settlePending, takeInEnd } from './pending.js';
import type { ExchangeState } from './state.js';

const KINDS: readonly RefKind[] = ['claims', 'follow'];

/**
 * Reads the remote; `isQuiet`: nothing is known to have changed there but by this host. Throws `conflict` when its history
 * is not the one this host knows; nothing is changed then.
 */
export async function look(state: ExchangeState, { isQuiet = false } = {}): Promise<void> {
  const before = state.view.main;
  state.view = await fetchDescendant(state, isQuiet);
  if (state.view.main !== before) noteKnown(state);
  await readClaims(state);
  const isMissing = (held: HeldState): boolean =>
    !held.isFresh && !held.isLost && !held.tried.includes(state.view.refs.get(`claims/${held.key}`) ?? '');
  const missing = new Set<HeldState>();
  for (;;) {
    const more = [...state.held.all.values()].filter((held) => isMissing(held) && !missing.has(held));
    if (more.length === 0) break;
    // main may have been read before the claims: one that is gone may have come to its end in between. Once more, then.
    for (const held of more) missing.add(held);
    state.view = await fetchDescendant(state, false);
    await readClaims(state);
  }
  await settlePending(state);
  await settleHeld(state, before);
}

async function fetchDescendant(state: ExchangeState, isQuiet: boolean): Promise<RemoteView> {
  const before = state.view.main;
  const view = await state.remote.fetch(KINDS, isQuiet ? state.view : undefined);
  if (view.main === before) {
    // It had been here, for the folders are in line with something; where it went, nobody can say.
    if (before === undefined && state.base !== undefined) await mustDescend(state, '(unknown)', undefined);
    return view;
  }
  if (before === undefined) return view;
  try {
    await mustDescend(state, before, view.main);
  } catch (error) {
    // What this host knows of main stays what it was: after a restart, too, the rewrite must be found again.
    await state.remote.putBack(before);
    throw error;
  }
  return view;
}

async function mustDescend({ repository }: ExchangeState, before: string, after: string | undefined): Promise<void> {
  if (after !== undefined) {
    const args = ['merge-base', '--is-ancestor', before, after];
    const { code, stderr } = await runGit(repository.dir, args);
    if (code === 0) return;
    if (code > 1) throw gitFault(args, stderr);
  }
  throw new MailboxError(
    'conflict',
    after === undefined
      ? `main is gone from the remote; this host last saw it at ${before.slice(0, 12)}`
      : `main was rewritten on the remote: ${after.slice(0, 12)} does not descend from ${before.slice(0, 12)}, which this host saw`,
    {
      hint: 'nothing was changed here. If it was meant: mailboxd sync --accept-rewrite keeps what both have',
    },
  );
}

async function readClaims(state: ExchangeState): Promise<void> {
  const { repository, seen } = state;
  const present = new Set<string>();
  for (const [name, oid] of state.view.refs) {
    if (!name.startsWith('claims/')) continue;
    const key = name.slice('claims/'.length);
    present.add(key);
    if (seen.get(key)?.oid === oid) continue;
    try {
      seen.set(key, { oid, claim: await readClaim(repository.objects, oid, key), since: state.instant() });
    } catch (error) {
      if (!(error instanceof MailboxError)) throw error;
      seen.set(key, { oid, claim: unreadable(state, key), since: state.instant(), unusable: true });
      state.hooks.onEvent({
        type: 'trouble',
        message: `the claim ${key} on the remote cannot be read: ${messageOf(error)}`,
        hint: 'nothing is to be done: its message is taken up when a lease has passed without a change',
      });
    }
  }
  for (const key of seen.keys()) if (!present.has(key)) seen.delete(key);
}

/** What cannot be read still holds its message, for as long as a claim of this host's own would. */
function unreadable({ settings }: ExchangeState, key: string): GitClaim {
  const nobody = { host: '', worker: 'an unknown worker', path: '', blob: '' };
  return { key, id: undefined, ...nobody, epoch: 0, crashes: 0, lease: settings.lease };
}

/**
 * Under what a message is claimed. One that was claimed before it had its id, and is shown with it since, keeps that
 * claim's key: a second claim beside an abandoned one would leave its holder the right to publish.
 */
export function keyFor(state: ExchangeState, id: string | undefined, mailbox: string, name: string): string {
  const key = claimKey(id, mailbox, name);
  if (id === undefined || state.seen.has(key)) return key;
  for (const { claim } of state.seen.values()) if (claim.id === id) return claim.key;
  return key;
}

/** Whether a claim of another may be taken over: it is not done, and its object was watched for long enough. */
export function mayTakeOver(state: ExchangeState, key: string): boolean {
  const seen = state.seen.get(key);
  return seen !== undefined && seen.claim.done === undefined && isOver(seen.since, state.instant(), seen.claim.lease);
}

async function settleHeld(state: ExchangeState, before: string | undefined): Promise<void> {
  let isChanged = false;
  for (const held of [...state.held.all.values()]) {
    const oid = state.view.refs.get(`claims/${held.key}`);
    if (oid !== undefined && held.tried.includes(oid)) {
      if (state.seen.get(held.key)?.claim.done) {
        held.isDone = true;
        held.isActive = false;
        continue;
      }
      // A renewal that was accepted since this look began is newer than what it saw.
      if (held.tried.indexOf(oid) > held.tried.indexOf(held.current ?? '')) {
        held.current = oid;
        // Its push was accepted after all; the lease counts from before it was sent.
        if (held.lastTry?.oid === oid) held.sent = held.lastTry.sent;
        const shown = state.seen.get(held.key)?.claim.shown;
        if (shown) held.shown = shown;
      }
      continue;
    }
    if (held.isLost) continue;
    isChanged = true;
    if (await wasPublished(state, held, before)) {
      state.held.all.delete(held.key);
      continue;
    }
    const by = state.seen.get(held.key)?.claim.worker;
    if (held.isFresh) {
      state.held.all.delete(held.key);
      continue;
    }
    held.isLost = true;
    state.hooks.onLost(held, by === undefined ? 'its claim is gone from the remote' : `${by} has taken it over`);
  }
  if (isChanged) await state.held.save();
}

/**
 * Whether one of the commits that would publish its end is on main, or one of its done claims was folded into it. Then
 * the folders here are in line with that end, whatever others have made of it since.
 */
async function wasPublished(state: ExchangeState, held: HeldState, before: string | undefined): Promise<boolean> {
  const { main } = state.view;
  if (main === undefined) return false;
  for (const end of held.ends) if (await isAncestor(state.repository, end, main)) return true;
  if (held.tried.length === 0) return false;
  const ranges = [[main, '-n', '200'], ...(before === undefined || before === main ? [] : [[`${before}..${main}`]])];
  for (const range of ranges) {
    const log = await readGit(state.repository.dir, ['log', '--format=%B', ...range, '--']);
    const folded = held.tried.find((oid) => log.includes(`Mailboxd-Folded: ${oid}`));
    if (folded === undefined) continue;
    await takeInEnd(state, await readClaim(state.repository.objects, folded));
    return true;
  }
  return false;
}
