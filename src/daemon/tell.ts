/** What the daemon tells of a message, from what became of it. Pure. */
import type { Place } from '../core/message.js';
import type { ClaimOutcome } from './claim-task.js';
import type { Verdict } from './finish.js';
import type { RunPlan } from './plan.js';
import type { DaemonEvent } from './worker.js';

export function claimedEvent(plan: RunPlan): DaemonEvent {
  return {
    type: 'claimed',
    id: plan.id,
    place: plan.place,
    subject: plan.subject,
    from: plan.from,
    runner: plan.request.runner,
    run: plan.text.n,
    resumed: plan.resumes,
  };
}

/** Of a task that a limit of the day holds until then (ms since 1970). */
export function heldEvent(
  { mailbox, name }: Pick<Place, 'mailbox' | 'name'>,
  reason: string,
  until: number,
): DaemonEvent {
  return { type: 'held', mailbox, name, reason, until: new Date(until).toISOString() };
}

/** Of a message that ended without a run. */
export function unrunEvent(ended: Extract<ClaimOutcome, { kind: 'ended' }>): DaemonEvent {
  const { id, place, outcome, reason } = ended;
  return outcome === 'refused'
    ? { type: 'refused', id, place, reason }
    : { type: 'finished', id: id ?? '', place, outcome, reason };
}

/** Of a message whose run is over. */
export function endEvent(id: string, place: Place, verdict: Verdict): DaemonEvent {
  const reason = verdict.error?.message;
  if (place.state === 'inbox') {
    const again = verdict.retryAt === undefined ? undefined : new Date(verdict.retryAt).toISOString();
    return { type: 'handed back', id, place, reason: reason ?? verdict.note ?? '', ...(again && { again }) };
  }
  const { duration_ms, cost_usd } = verdict.stats;
  return {
    type: 'finished',
    id,
    place,
    outcome: verdict.outcome ?? place.state,
    ...(reason && { reason }),
    ...(duration_ms !== undefined && { duration_ms }),
    ...(cost_usd !== undefined && { cost_usd }),
  };
}
