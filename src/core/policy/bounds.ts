/** The bounds on what a message asks for, one function each; none returns anything when the request is within it. */
import type { Config, Limits } from '../config.js';
import { formatDuration, parseDuration } from '../duration.js';
import { type MessageFields, PERMISSION_MODES, type PermissionMode } from '../message.js';
import { absoluteDir, isBelow } from './dirs.js';
import { keyOfLimit, senderOf } from './limits.js';
import { type Refusal, listAllowed, quote } from './refusal.js';
import { coversTool } from './tools.js';

export interface BoundsInput {
  fields: MessageFields;
  mailbox: string;
  config: Config;
  /** The stricter of the host's and the sender's. */
  limits: Limits;
  home: string | undefined;
  /** Whose session it is; undefined for one that is not known here. */
  sessionOwner: (session: string) => { mailbox: string; from: string } | undefined;
}

type Bound = (input: BoundsInput) => (Refusal | undefined)[];

function isListed(name: string, allowed: readonly string[]): boolean {
  return allowed.includes('*') || allowed.includes(name);
}

const checkSender: Bound = ({ fields, config }) => {
  const from = senderOf(fields);
  if (isListed(from, config.allow.senders)) return [];
  const allowed = `messages from ${listAllowed(config.allow.senders, 'nobody')}`;
  return [{ asked: `work as the sender ${quote(from)}`, allowed, key: 'allow.senders', optional: false }];
};

const checkRunner: Bound = ({ fields, config }) => {
  const runner = fields.options?.runner;
  if (runner === undefined || runner === config.runner || isListed(runner, config.allow.runners)) return [];
  const allowed = listAllowed([config.runner, ...config.allow.runners], '');
  return [{ asked: `options.runner ${quote(runner)}`, allowed, key: 'allow.runners', optional: true }];
};

const checkModels: Bound = ({ fields, config }) =>
  (['model', 'fallback_model'] as const).map((option) => {
    const model = fields.options?.[option];
    if (model === undefined || isListed(model, config.allow.models)) return undefined;
    const allowed = listAllowed(config.allow.models, "only the runner's own default");
    return { asked: `options.${option} ${quote(model)}`, allowed, key: 'allow.models', optional: true };
  });

const checkTools: Bound = ({ fields, config }) =>
  (fields.options?.allowed_tools ?? []).map((tool) => {
    if (config.allow.tools.some((allowed) => coversTool(allowed, tool))) return undefined;
    const allowed = listAllowed(config.allow.tools, 'no tool without asking');
    return { asked: `options.allowed_tools ${quote(tool)}`, allowed, key: 'allow.tools', optional: true };
  });

const checkServers: Bound = ({ fields, config }) =>
  (fields.options?.mcp_servers ?? []).map((server) => {
    if (isListed(server, config.allow.mcp_servers)) return undefined;
    const allowed = listAllowed(config.allow.mcp_servers, 'none');
    return { asked: `options.mcp_servers ${quote(server)}`, allowed, key: 'allow.mcp_servers', optional: true };
  });

/** -1 for a mode that is not known, which is then below nothing. */
function powerOf(mode: PermissionMode): number {
  return PERMISSION_MODES.indexOf(mode);
}

const checkMode: Bound = ({ fields, config }) => {
  const mode = fields.options?.permission_mode;
  const most = config.allow.permission_mode;
  if (mode === undefined || (powerOf(mode) !== -1 && powerOf(mode) <= powerOf(most))) return [];
  const allowed = `at most ${most}`;
  return [{ asked: `options.permission_mode ${quote(mode)}`, allowed, key: 'allow.permission_mode', optional: true }];
};

/** What a message that asks for no mode gets. */
export function defaultMode(most: PermissionMode): PermissionMode {
  return powerOf(most) < powerOf('default') ? most : 'default';
}

const checkDirs: Bound = ({ fields, config, home }) => {
  const { working_dir: work, add_dirs: added = [] } = fields.options ?? {};
  const asked = [
    ...(work === undefined ? [] : [['working_dir', work] as const]),
    ...added.map((dir) => ['add_dirs', dir] as const),
  ];
  return asked.map(([option, dir]) => {
    const path = absoluteDir(dir, home);
    if (path !== undefined && isBelow(path, config.allow.dirs)) return undefined;
    const below = `directories below ${listAllowed(config.allow.dirs, '')}`;
    const allowed = config.allow.dirs.length === 0 ? 'only a scratch directory of its own' : below;
    const note = path === undefined ? ', which is not absolute' : '';
    return { asked: `options.${option} ${quote(dir)}${note}`, allowed, key: 'allow.dirs', optional: true };
  });
};

const checkNumbers: Bound = ({ fields, config, limits }) => {
  const from = senderOf(fields);
  const { max_turns: turns, max_budget_usd: budget } = fields.options ?? {};
  const cases: [string, keyof Limits, number | undefined, (value: number) => string][] = [
    ['timeout', 'timeout', fields.timeout === undefined ? undefined : parseDuration(fields.timeout), formatDuration],
    ['max_attempts', 'max_attempts', fields.max_attempts, String],
    ['options.max_turns', 'max_turns', turns, String],
    ['options.max_budget_usd', 'cost_per_task', budget, (value) => `$${value}`],
  ];
  return cases.map(([name, limit, asked, show]) => {
    const most = limits[limit];
    // Written so that NaN is past every bound.
    if (asked === undefined || (asked > 0 && asked <= (most ?? Number.MAX_VALUE))) return undefined;
    const allowed = asked > 0 && most !== undefined ? `at most ${show(most)}` : 'more than nothing';
    return { asked: `${name} ${show(asked)}`, allowed, key: keyOfLimit(config, from, limit), optional: true };
  });
};

const checkSession: Bound = ({ fields, mailbox, sessionOwner }) => {
  const session = fields.options?.resume_session;
  if (session === undefined) return [];
  const owner = sessionOwner(session);
  const from = senderOf(fields);
  if (owner !== undefined && owner.mailbox === mailbox && owner.from === from) return [];
  // The same words whether it is unknown or somebody else's.
  const allowed = `sessions of the mailbox ${mailbox} that ${quote(from)} began`;
  return [{ asked: `options.resume_session ${quote(session)}`, allowed, optional: true }];
};

const BOUNDS: readonly Bound[] = [
  checkSender,
  checkRunner,
  checkModels,
  checkTools,
  checkServers,
  checkMode,
  checkDirs,
  checkNumbers,
  checkSession,
];

/** Everything the message asks for that it may not have. */
export function checkBounds(input: BoundsInput): Refusal[] {
  return BOUNDS.flatMap((bound) => bound(input)).filter((refusal) => refusal !== undefined);
}
