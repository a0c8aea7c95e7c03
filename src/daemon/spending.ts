/** What the day has used so far, for the limits of the day: what ended, by the catalog, and what runs. */
import type { Place } from '../core/message.js';
import type { PolicyFacts } from '../core/policy.js';
import { startOfDay } from '../core/policy.js';
import type { Worker } from './worker.js';

/** The facts that policy needs for the message that waits at `place`. A further attempt of it is no further task. */
export function policyFacts(
  worker: Worker,
  place: Place,
  from: string | undefined,
  now: number,
  home: string,
): PolicyFacts {
  const { catalog } = worker;
  const since = startOfDay(now);
  const own = catalog.get(place);
  const isCounted = own !== undefined && own.runs > 0 && own.updated >= since;
  const used = (sender?: string): PolicyFacts['spentToday']['host'] => {
    const { cost_usd, tasks } = catalog.spentSince(since, sender);
    return { cost_usd, tasks: isCounted ? Math.max(0, tasks - 1) : tasks };
  };
  return {
    now,
    home,
    sessionOwner: (session) => worker.sessions.ownerOf(session),
    spentToday: { host: used(), sender: used(from ?? 'unknown') },
  };
}
