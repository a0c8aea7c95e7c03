/** What the day has used so far, for the limits of the day: what ended, by the catalog, and what runs. */
import type { PolicyFacts } from '../core/policy.js';
import { startOfDay } from '../core/policy.js';
import type { Worker } from './worker.js';

export function policyFacts(worker: Worker, from: string | undefined, now: number, home: string): PolicyFacts {
  const since = startOfDay(now);
  return {
    now,
    home,
    sessionOwner: (session) => worker.sessions.ownerOf(session),
    spentToday: { host: worker.catalog.spentSince(since), sender: worker.catalog.spentSince(since, from ?? 'unknown') },
  };
}
