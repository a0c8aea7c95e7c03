/**
 * What a message may do on this host. The message asks, `config.yaml` bounds; what comes out is all that a run uses.
 *
 * 1. A request past any bound is refused, with every reason at once, before anything runs.
 * 2. A daily limit that is reached holds the task until midnight; it is not the message's fault.
 * 3. Where the message asks for nothing, it gets the safe choice: the default permission mode or less, a scratch
 *    directory, no tool without asking, the host's limits.
 *
 * The fields have passed schemas/message.schema.json.
 */
import type { Config } from '../config.js';
import { parseDuration } from '../duration.js';
import type { MessageFields, PermissionMode, TaskOptions } from '../message.js';
import { checkBounds, defaultMode } from './bounds.js';
import { type Budget, type SpentToday, budgetOf, checkDay } from './budget.js';
import { endOfDay } from './day.js';
import { absoluteDir } from './dirs.js';
import { limitsFor, senderOf, UNKNOWN_SENDER } from './limits.js';
import { type PolicyError, refuse } from './refusal.js';

export interface PolicyFacts {
  /** Ms since 1970. */
  now: number;
  /** Whose session it is; undefined for one that is not known here. */
  sessionOwner: (session: string) => { mailbox: string; from: string } | undefined;
  spentToday: SpentToday;
  /** The home directory that `~` stands for; without it `~` is refused. */
  home?: string;
}

/** What one run of the message may use. */
export interface BoundedRequest {
  from: string;
  runner: string;
  /** Within every bound, with directories absolute and plain; the runner gets exactly these. */
  options: TaskOptions & { runner: string; permission_mode: PermissionMode };
  /** Ms. */
  timeout: number;
  max_attempts: number;
  max_crashes: number;
  budget: Budget | undefined;
  output_bytes: number;
}

export type Decision =
  | { ok: true; request: BoundedRequest }
  | { ok: false; error: PolicyError; wait?: undefined }
  /** Not now: a limit of the day is reached. `until`: ms since 1970. */
  | { ok: false; error?: undefined; wait: { until: number; key: string; message: string; hint: string } };

/** Whether, and with what, a task of `mailbox` may run now. */
export function decidePolicy(fields: MessageFields, mailbox: string, config: Config, facts: PolicyFacts): Decision {
  const from = senderOf(fields);
  const limits = limitsFor(config, from);
  const { home, sessionOwner } = facts;
  const refusals = checkBounds({ fields, mailbox, config, limits, home, sessionOwner });
  if (refusals.length > 0) return { ok: false, error: refuse(refusals, config.host) };
  const reached = checkDay(config, from, facts.spentToday);
  if (reached) {
    const message = `${reached.used} of ${reached.limit} are used for today (${reached.key})`;
    const hint = `it runs after midnight; or raise ${reached.key} in .mailboxd/config.yaml on ${config.host}`;
    return { ok: false, wait: { until: endOfDay(facts.now), key: reached.key, message, hint } };
  }
  const budget = budgetOf(config, from, facts.spentToday, fields.options?.max_budget_usd);
  const options = boundOptions(fields.options ?? {}, config, home);
  const turns = fields.options?.max_turns ?? limits.max_turns;
  if (turns !== undefined) options.max_turns = turns;
  if (budget !== undefined) options.max_budget_usd = budget.usd;
  return {
    ok: true,
    request: {
      from,
      runner: options.runner,
      options,
      timeout: fields.timeout === undefined ? limits.timeout : parseDuration(fields.timeout),
      max_attempts: fields.max_attempts ?? limits.max_attempts,
      max_crashes: limits.max_crashes,
      budget,
      output_bytes: limits.output_bytes,
    },
  };
}

/**
 * What a message that asks for nothing gets from a host that has spent nothing today: what a process that is started
 * ahead of its task is started with. A task that gets other options does not use it.
 */
export function plainOptions(config: Config): TaskOptions {
  const nothing = { cost_usd: 0, tasks: 0 };
  const options = boundOptions({}, config, undefined);
  const budget = budgetOf(config, UNKNOWN_SENDER, { host: nothing, sender: nothing }, undefined);
  if (config.limits.max_turns !== undefined) options.max_turns = config.limits.max_turns;
  if (budget !== undefined) options.max_budget_usd = budget.usd;
  return options;
}

/** The options of a message that is within every bound, key by key: nothing gets through that is not named here. */
function boundOptions(asked: TaskOptions, config: Config, home: string | undefined): BoundedRequest['options'] {
  const options: BoundedRequest['options'] = {
    runner: asked.runner ?? config.runner,
    permission_mode: asked.permission_mode ?? defaultMode(config.allow.permission_mode),
  };
  const free = ['system_prompt', 'append_system_prompt', 'disallowed_tools'] as const;
  const checked = ['model', 'fallback_model', 'allowed_tools', 'mcp_servers', 'resume_session'] as const;
  const output = ['output_format', 'output_schema'] as const;
  for (const key of [...free, ...checked, ...output]) {
    if (asked[key] !== undefined) Object.assign(options, { [key]: asked[key] });
  }
  if (asked.output_schema !== undefined) options.output_format = 'json';
  const work = asked.working_dir === undefined ? undefined : absoluteDir(asked.working_dir, home);
  if (work !== undefined) options.working_dir = work;
  if (asked.add_dirs !== undefined) {
    options.add_dirs = asked.add_dirs.map((dir) => absoluteDir(dir, home)).filter((dir) => dir !== undefined);
  }
  return options;
}
