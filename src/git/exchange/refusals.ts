/**
 * A refusal of what was to be published is a lost race, and the look that follows shows who won it; or it is a rule or a
 * fault of the remote (a protected branch, a lock that was left behind), which only a person can mend.
 */
import { MailboxError } from '../../core/errors.js';
import type { RefUpdate } from '../remote.js';
import type { ExchangeState } from './state.js';

/** Refusals in a row after which nothing on the remote was other than what the push had asked for. */
const unexplained = new WeakMap<ExchangeState, number>();
/** So many may still be chance: another push that held a lock, and came to nothing. */
const MOST = 6;

export function forgetRefusals(state: ExchangeState): void {
  unexplained.delete(state);
}

/** To be asked after the look that follows a refusal. Throws `unavailable` when there is no reason to be seen for so many. */
export function mustBeExplained(state: ExchangeState, updates: readonly RefUpdate[]): void {
  const { remote, view } = state;
  const there = ({ ref }: RefUpdate): string | undefined =>
    ref.startsWith(`${remote.space}/`) ? view.refs.get(ref.slice(remote.space.length + 1)) : view.main;
  const isAsAsked = updates.every((update) => (there(update) ?? null) === update.from);
  const times = isAsAsked ? (unexplained.get(state) ?? 0) + 1 : 0;
  unexplained.set(state, times);
  if (times < MOST) return;
  throw new MailboxError(
    'unavailable',
    'the remote refuses what is to be published, though nothing there has changed',
    {
      hint: 'may this host push to main there (a protected branch, a repository that is not bare, a lock left behind)? Try: git push',
    },
  );
}
