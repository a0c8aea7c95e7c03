/**
 * Other claims of the same message, under another key: of a file that had no id when it was claimed, and was given one
 * since, or that was moved to another mailbox by a person, or renamed where two had one name.
 */
import { findEntry } from '../trees.js';
import { mayTakeOver } from './look.js';
import type { ExchangeState, SeenClaim } from './state.js';

interface Place {
  path: string;
  blob: string;
}

/** One that is not over. */
export async function findRival(
  state: ExchangeState,
  tree: string | undefined,
  key: string,
  id: string | undefined,
  at: Place,
): Promise<SeenClaim | undefined> {
  for (const seen of state.seen.values()) {
    const { claim } = seen;
    if (claim.key === key || (claim.done === undefined && mayTakeOver(state, claim.key))) continue;
    if ((id !== undefined && claim.id === id) || (await isAlike(state, tree, id, at, seen))) return seen;
  }
  return undefined;
}

/**
 * One of a bare file that is over, and is the one to take over: a second claim beside it would leave its holder the
 * right to publish. (Of a message with an id, `keyFor` finds it.)
 */
export async function findAbandoned(
  state: ExchangeState,
  tree: string | undefined,
  id: string | undefined,
  at: Place,
): Promise<SeenClaim | undefined> {
  for (const seen of state.seen.values())
    if (mayTakeOver(state, seen.claim.key) && (await isAlike(state, tree, id, at, seen))) return seen;
  return undefined;
}

/** Whether a claim was made of these bytes at another path, where they are no more. */
async function isAlike(
  { repository }: ExchangeState,
  tree: string | undefined,
  id: string | undefined,
  at: Place,
  { claim }: SeenClaim,
): Promise<boolean> {
  if (id !== undefined || !claim.key.startsWith('file.') || claim.blob !== at.blob || claim.path === at.path)
    return false;
  return (await findEntry(repository.objects, tree, claim.path))?.oid !== claim.blob;
}
