/**
 * Claims that nobody will ask for again: their holder has not been heard of for its lease, and main shows their message
 * finished. Nobody takes such a claim over, so it would stay for good.
 */
import { locate } from '../../core/merge.js';
import { refOf } from '../ref-names.js';
import { findEntry } from '../trees.js';
import type { Chore } from './exchange.js';
import { mayTakeOver } from './look.js';
import { type ExchangeState, type SeenClaim, treeOf, withRefs } from './state.js';

/** How often it is looked for them, ms. */
const EVERY = 60_000;

export function createSweep(every = EVERY): Chore {
  let next = performance.now() + every;
  return {
    wait: () => next - performance.now(),
    async turn(state) {
      next = performance.now() + every;
      const over: SeenClaim[] = [];
      for (const seen of state.seen.values()) if (await isPast(state, seen)) over.push(seen);
      if (over.length === 0) return;
      const updates = over.map(({ oid, claim }) => ({
        ref: refOf(state.remote.space, 'claims', claim.key),
        from: oid,
        to: null,
      }));
      const result = await state.remote.push(updates);
      const gone = over.filter(
        (_, index) => result.kind === 'known' && result.fates.get(updates[index]?.ref ?? '') === 'ok',
      );
      for (const { claim } of gone) state.seen.delete(claim.key);
      state.view = withRefs(
        state.view,
        gone.map(({ claim }) => [`claims/${claim.key}`, undefined]),
      );
    },
  };
}

/** Whether its time is over and main has its message in `complete/` or `failed/`, and no more where it was claimed. */
async function isPast(state: ExchangeState, { claim, unusable }: SeenClaim): Promise<boolean> {
  if (unusable || claim.done || state.held.all.has(claim.key) || !mayTakeOver(state, claim.key)) return false;
  const { objects } = state.repository;
  const tree = await treeOf(state, state.view.main);
  const at = async (path: string | undefined): Promise<boolean> =>
    path !== undefined && (await findEntry(objects, tree, path)) !== undefined;
  if ((await at(claim.path)) || (await at(claim.shown?.path))) return false;
  const { mailbox = '', name } = locate(claim.path);
  return (await at(`mailboxes/${mailbox}/complete/${name}`)) || at(`mailboxes/${mailbox}/failed/${name}`);
}
