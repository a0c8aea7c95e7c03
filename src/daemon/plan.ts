/** What the daemon means to do with one claimed task: fixed before the runner starts, and written in its file. */
import type { Claim, FrontMatter, Place, RunRecord, RunStats } from '../core/message.js';
import type { BoundedRequest } from '../core/policy.js';
import type { RunText } from './compose.js';

export interface RunPlan {
  id: string;
  place: Place;
  /** The front matter when it was claimed. */
  front: FrontMatter;
  from: string;
  subject: string;
  claim: Claim;
  request: BoundedRequest;
  prompt: string;
  /** The prompt for a session that does not know the task, where `prompt` is for one that does. */
  fullPrompt: string;
  /** Whether an earlier session goes on. */
  resumes: boolean;
  cwd: string;
  profile: string | undefined;
  attachments: string[];
  text: RunText;
  /** ms since 1970. */
  startedAt: number;
}

/** The record of a plan's run, now that it is over. */
export function runRecordOf(
  plan: RunPlan,
  now: number,
  outcome: RunRecord['outcome'],
  stats: RunStats,
  reason?: string,
): RunRecord {
  const record: RunRecord = {
    n: plan.text.n,
    epoch: plan.claim.epoch,
    token: plan.claim.token,
    worker: plan.claim.worker,
    runner: plan.request.runner,
    started: new Date(plan.startedAt).toISOString(),
    ended: new Date(now).toISOString(),
    outcome,
    ...pickStats({ duration_ms: now - plan.startedAt, ...stats }),
  };
  if (plan.claim.session !== undefined) record.session = plan.claim.session;
  if (reason !== undefined) record.reason = reason.slice(0, 500);
  return record;
}

/** The figures that are there, rounded to what they can mean. */
export function pickStats(stats: RunStats): RunStats {
  const kept: RunStats = {};
  if (stats.model !== undefined) kept.model = stats.model.slice(0, 200);
  for (const key of ['turns', 'tokens_in', 'tokens_out', 'duration_ms', 'duration_api_ms'] as const) {
    const value = stats[key];
    if (value !== undefined && Number.isFinite(value)) kept[key] = Math.round(value);
  }
  if (stats.cost_usd !== undefined && Number.isFinite(stats.cost_usd))
    kept.cost_usd = Number(stats.cost_usd.toFixed(6));
  return kept;
}
