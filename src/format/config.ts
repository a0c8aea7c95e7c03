/**
 * `.mailboxd/config.yaml` as the rest of the program sees it: read as untrusted YAML, checked against
 * schemas/config.schema.json, defaults filled in, spans in ms, directories absolute.
 */
import { homedir } from 'node:os';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { type Config, type Limits, defaultConfig } from '../core/config.js';
import { parseDuration } from '../core/duration.js';
import { MailboxError } from '../core/errors.js';
import { validateConfig } from '../schema/own.js';
import { type SchemaProblem, describeProblems, problemOf } from '../schema/problem.js';
import type { ClaudeYaml, ConfigYaml, LimitsYaml } from './config-yaml.js';
import { parseYaml } from './yaml.js';

export interface ConfigGivens {
  /** Absolute; relative directories lie below it. */
  root: string;
  /** Used where the file has none, as a missing file has. */
  host: string;
  key: string;
  /** The directory that `~` stands for; by default this user's. */
  home?: string;
}

/** Longer timers fire at once in Node. */
const LONGEST_TIMER = 24 * 86_400_000;

/**
 * The configuration in `text`, or all defaults when it is undefined or empty (a missing file). `where` names
 * the file in errors. Throws `invalid`, listing what was found and what was expected; secrets are never shown.
 */
export function parseConfig(text: string | undefined, where: string, given: ConfigGivens): Config {
  const value = text === undefined ? null : (parseYaml(text, { what: where }) ?? null);
  report(where, validateConfig(value));
  const yaml = (value ?? {}) as ConfigYaml;
  const defaults = defaultConfig({ host: yaml.host ?? given.host, key: yaml.key ?? given.key });
  const config: Config = {
    host: defaults.host,
    key: defaults.key,
    as: yaml.as ?? undefined,
    serve: [...new Set(yaml.serve ?? defaults.serve)],
    remote: yaml.remote ?? undefined,
    runner: yaml.runner ?? defaults.runner,
    runners: {
      claude: readClaude(yaml.runners?.claude ?? {}, given),
      command: {
        argv: yaml.runners?.command?.argv ?? undefined,
        output: yaml.runners?.command?.output ?? 'text',
        env: yaml.runners?.command?.env ?? {},
      },
      simulator: { duration: spanOf(yaml.runners?.simulator?.duration) },
    },
    limits: { ...defaults.limits, ...readLimits(yaml.limits ?? {}) },
    senders: Object.fromEntries(
      Object.entries(yaml.senders ?? {}).map(([name, limits]) => [name, readLimits(limits ?? {})]),
    ),
    allow: { ...defaults.allow, ...yaml.allow, dirs: (yaml.allow?.dirs ?? []).map((dir) => dirOf(dir, given)) },
    signatures: {
      require: yaml.signatures?.require ?? defaults.signatures.require,
      allowed_signers: homeOf(yaml.signatures?.allowed_signers ?? defaults.signatures.allowed_signers, given),
      max_age: spanOf(yaml.signatures?.max_age),
    },
    sign: yaml.sign === null || yaml.sign === undefined ? undefined : dirOf(yaml.sign, given),
    create_mailboxes: yaml.create_mailboxes ?? defaults.create_mailboxes,
    cache: yaml.cache === 'off' ? 0 : (spanOf(yaml.cache) ?? defaults.cache),
    park: yaml.park ?? defaults.park,
    settle: spanOf(yaml.settle) ?? defaults.settle,
    retry_delay: spanOf(yaml.retry_delay) ?? defaults.retry_delay,
    grace: spanOf(yaml.grace) ?? defaults.grace,
    keep: spanOf(yaml.keep) ?? defaults.keep,
    lease: spanOf(yaml.lease) ?? defaults.lease,
    poll: spanOf(yaml.poll) ?? defaults.poll,
    heartbeat: spanOf(yaml.heartbeat) ?? defaults.heartbeat,
    claims: { ...yaml.claims },
  };
  report(where, [...findLongTimers(config), ...findSyncedSigners(config, given)]);
  return config;
}

function report(where: string, problems: readonly SchemaProblem[]): void {
  if (problems.length === 0) return;
  throw new MailboxError('invalid', `${where} cannot be used:\n${describeProblems(problems)}`, {
    hint: 'mend it in any editor; docs/config.md shows every key',
  });
}

function readClaude(yaml: ClaudeYaml, given: ConfigGivens): Config['runners']['claude'] {
  const profiles = Object.entries(yaml.profiles ?? {}).map(([name, profile]) => [
    name,
    {
      config_dir: homeOf(profile?.config_dir ?? name, given),
      senders: profile?.senders ?? [name],
      env: profile?.env ?? {},
    },
  ]);
  const path = yaml.path ?? 'claude';
  return {
    path: /[/\\]/.test(path) ? dirOf(path, given) : path,
    env: yaml.env ?? {},
    profiles: Object.fromEntries(profiles) as Config['runners']['claude']['profiles'],
    warm: yaml.warm ?? 0,
    mcp_servers: yaml.mcp_servers ?? {},
  };
}

/** Only what is set. */
function readLimits(yaml: LimitsYaml): Partial<Limits> {
  const { timeout, output_bytes: bytes, ...numbers } = yaml;
  const limits: Record<string, number> = {};
  for (const [key, value] of Object.entries(numbers)) if (typeof value === 'number') limits[key] = value;
  if (timeout !== undefined) limits['timeout'] = parseDuration(timeout);
  if (bytes !== undefined) limits['output_bytes'] = bytesOf(bytes);
  return limits;
}

function bytesOf(size: number | string): number {
  if (typeof size === 'number') return size;
  return Number.parseInt(size, 10) * (size.endsWith('MiB') ? 1024 * 1024 : 1024);
}

function spanOf(text: string | null | undefined): number | undefined {
  return text === null || text === undefined ? undefined : parseDuration(text);
}

function homeOf(path: string, given: ConfigGivens): string {
  const isHome = path === '~' || path.startsWith('~/');
  return isHome ? join(given.home ?? homedir(), path.slice(1)) : path;
}

function dirOf(path: string, given: ConfigGivens): string {
  const full = homeOf(path, given);
  return isAbsolute(full) ? resolve(full) : resolve(given.root, full);
}

/** Whoever can write to the synced tree must not be able to say whose keys count. */
function findSyncedSigners({ signatures }: Config, given: ConfigGivens): SchemaProblem[] {
  const file = resolve(given.root, signatures.allowed_signers);
  const [first] = relative(given.root, file).split(/[/\\]/);
  const isOutside = first === '..' || first === '.mailboxd' || isAbsolute(relative(given.root, file));
  if (isOutside) return [];
  const expected = 'a path below .mailboxd/ or outside the root, where nothing is synced';
  return [problemOf({ path: 'signatures.allowed_signers', found: file, expected })];
}

function findLongTimers(config: Config): SchemaProblem[] {
  const timers: [string, number | undefined][] = [
    ['limits.timeout', config.limits.timeout],
    ['settle', config.settle],
    ['retry_delay', config.retry_delay],
    ['grace', config.grace],
    ['lease', config.lease],
    ['poll', config.poll],
    ['heartbeat', config.heartbeat],
    ['runners.simulator.duration', config.runners.simulator.duration],
    ...Object.entries(config.senders).map(([name, { timeout }]): [string, number | undefined] => [
      `senders.${name}.timeout`,
      timeout,
    ]),
  ];
  return timers.flatMap(([path, ms]) =>
    ms !== undefined && ms > LONGEST_TIMER
      ? [problemOf({ path, found: `${Math.round(ms / 86_400_000)} days`, expected: 'at most 24d' })]
      : [],
  );
}
