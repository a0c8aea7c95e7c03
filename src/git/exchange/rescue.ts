import { longestSince } from '../../core/lease.js';
import { dueForRenewal, renew } from './claim.js';
import type { ExchangeState } from './state.js';

/** A long push must not cost the leases: renewals that are late are sent beside whatever is under way. */
export function rescueLeases(state: ExchangeState): { close(): Promise<void> } {
  let rescue: Promise<unknown> | undefined;
  const look = (): void => {
    const now = state.instant();
    const late = dueForRenewal(state).filter(({ sent, lease }) => sent && longestSince(sent, now) > lease / 2);
    if (late.length === 0 || rescue !== undefined) return;
    rescue = renew(state, late)
      .catch(() => undefined) // the next turn meets the same, and tells it
      .finally(() => (rescue = undefined));
  };
  const timer = setInterval(look, state.settings.lease / 12);
  return {
    async close() {
      clearInterval(timer);
      await rescue;
    },
  };
}
