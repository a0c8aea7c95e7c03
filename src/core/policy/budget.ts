/** What a task may cost, and what the day has left. */
import type { Config } from '../config.js';
import { ownLimitsOf } from './limits.js';

/** What was used since midnight: runs that ended and what the running ones have reported. */
export interface DayUse {
  cost_usd: number;
  /** Different messages started, without the one that is asked about. */
  tasks: number;
}

export interface SpentToday {
  host: DayUse;
  /** By the message's sender. */
  sender: DayUse;
}

export interface Budget {
  usd: number;
  /**
   * What set it: `options.max_budget_usd` or a key of `config.yaml`. A run that is stopped by a daily budget waits for
   * the next day; it has not failed.
   */
  key: string;
}

/** A daily limit that is reached. */
export interface DayReached {
  key: string;
  used: string;
  limit: string;
}

/** US dollars: what is left below this is nothing, not a budget to start a run with. */
const LEAST_BUDGET = 0.001;

/** The first daily limit that is used up; undefined when the task may start. */
export function checkDay(config: Config, sender: string, spent: SpentToday): DayReached | undefined {
  for (const { prefix, limits, use } of scopes(config, sender, spent)) {
    const { tasks_per_day: tasks, cost_per_day: cost } = limits;
    if (tasks !== undefined && use.tasks >= tasks) {
      return { key: `${prefix}.tasks_per_day`, used: `${use.tasks}`, limit: tasks === 1 ? '1 task' : `${tasks} tasks` };
    }
    if (cost !== undefined && cost - use.cost_usd < LEAST_BUDGET) {
      return { key: `${prefix}.cost_per_day`, used: `$${use.cost_usd.toFixed(2)}`, limit: `$${cost}` };
    }
  }
  return undefined;
}

/** The least of what the message asks for, what a task may cost and what is left of the day; undefined for no bound. */
export function budgetOf(
  config: Config,
  sender: string,
  spent: SpentToday,
  asked: number | undefined,
): Budget | undefined {
  let least: Budget | undefined;
  const bound = (usd: number | undefined, key: string): void => {
    if (usd !== undefined && (least === undefined || usd < least.usd)) least = { usd, key };
  };
  bound(asked, 'options.max_budget_usd');
  for (const { prefix, limits, use } of scopes(config, sender, spent)) {
    bound(limits.cost_per_task, `${prefix}.cost_per_task`);
    bound(limits.cost_per_day === undefined ? undefined : limits.cost_per_day - use.cost_usd, `${prefix}.cost_per_day`);
  }
  return least;
}

function scopes(config: Config, sender: string, spent: SpentToday) {
  return [
    { prefix: 'limits', limits: config.limits, use: spent.host },
    { prefix: `senders.${sender}`, limits: ownLimitsOf(config, sender), use: spent.sender },
  ];
}
