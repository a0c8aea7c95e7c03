import { describe, expect, it } from 'vitest';
import { type Config, type Limits, defaultConfig } from '../../src/core/config.js';
import type { MessageFields, TaskOptions } from '../../src/core/message.js';
import {
  type PolicyFacts,
  acceptsSender,
  coversTool,
  decidePolicy,
  endOfDay,
  isBelow,
  limitsFor,
  maySay,
  startOfDay,
} from '../../src/core/policy.js';

const NOTHING = { cost_usd: 0, tasks: 0 };
const FACTS: PolicyFacts = {
  now: new Date(2026, 10, 20, 15, 30).getTime(),
  sessionOwner: () => undefined,
  spentToday: { host: NOTHING, sender: NOTHING },
  home: '/home/ada',
};

interface Bounds {
  allow?: Partial<Config['allow']>;
  limits?: Partial<Limits>;
  senders?: Config['senders'];
  runner?: string;
}

function configOf({ allow = {}, limits = {}, ...rest }: Bounds = {}): Config {
  const config = defaultConfig({ host: 'build-2', key: 'k' });
  return { ...config, ...rest, allow: { ...config.allow, ...allow }, limits: { ...config.limits, ...limits } };
}

function decide(fields: MessageFields, bounds: Bounds = {}, facts: Partial<PolicyFacts> = {}) {
  return decidePolicy(fields, 'server', configOf(bounds), { ...FACTS, ...facts });
}

function granted(fields: MessageFields, bounds: Bounds = {}, facts: Partial<PolicyFacts> = {}) {
  const decision = decide(fields, bounds, facts);
  if (!decision.ok) throw new Error(decision.error?.message ?? decision.wait?.message);
  return decision.request;
}

function refused(fields: MessageFields, bounds: Bounds = {}, facts: Partial<PolicyFacts> = {}) {
  const decision = decide(fields, bounds, facts);
  if (decision.ok || !decision.error) throw new Error('it was not refused');
  return decision.error;
}

describe('a message that asks for nothing', () => {
  it('gets the safe choice', () => {
    expect(granted({})).toEqual({
      from: 'unknown',
      runner: 'claude',
      options: { runner: 'claude', permission_mode: 'default' },
      timeout: 3_600_000,
      max_attempts: 3,
      max_crashes: 5,
      budget: undefined,
      output_bytes: 10_485_760,
    });
  });

  it.each([
    ['plan', 'plan'],
    ['dontAsk', 'dontAsk'],
    ['default', 'default'],
    ['bypassPermissions', 'default'],
  ] as const)('runs in the mode it may have: allowed %s, gets %s', (allowed, mode) => {
    expect(granted({}, { allow: { permission_mode: allowed } }).options.permission_mode).toBe(mode);
  });

  it('gets the limits of the host, and those of its sender where they are stricter', () => {
    const bounds: Bounds = {
      limits: { max_turns: 50, cost_per_task: 2, timeout: 1000, max_crashes: 2 },
      senders: { laptop: { max_turns: 10, timeout: 5000, max_attempts: 1, output_bytes: 2048, cost_per_task: 1 } },
    };
    expect(granted({ from: 'server' }, bounds)).toMatchObject({
      options: { max_turns: 50, max_budget_usd: 2 },
      budget: { usd: 2, key: 'limits.cost_per_task' },
      timeout: 1000,
      max_attempts: 3,
      max_crashes: 2,
    });
    expect(granted({ from: 'laptop' }, bounds)).toMatchObject({
      options: { max_turns: 10, max_budget_usd: 1 },
      budget: { usd: 1, key: 'senders.laptop.cost_per_task' },
      timeout: 1000,
      max_attempts: 1,
      output_bytes: 2048,
    });
  });
});

describe('a request within its bound', () => {
  it.each<[string, MessageFields, Bounds]>([
    ['the own runner', { options: { runner: 'claude' } }, {}],
    ['a listed runner', { options: { runner: 'command' } }, { allow: { runners: ['command'] } }],
    ['any runner', { options: { runner: 'command' } }, { allow: { runners: ['*'] } }],
    [
      'a listed model',
      { options: { model: 'sonnet', fallback_model: 'haiku' } },
      { allow: { models: ['haiku', 'sonnet'] } },
    ],
    ['any model', { options: { model: 'opus' } }, { allow: { models: ['*'] } }],
    [
      'a listed tool',
      { options: { allowed_tools: ['Read', 'Bash(git log:*)'] } },
      { allow: { tools: ['Read', 'Bash'] } },
    ],
    ['no tools', { options: { allowed_tools: [] } }, {}],
    ['fewer tools', { options: { disallowed_tools: ['Bash'] } }, {}],
    ['a lesser mode', { options: { permission_mode: 'plan' } }, {}],
    [
      'the most powerful mode',
      { options: { permission_mode: 'acceptEdits' } },
      { allow: { permission_mode: 'acceptEdits' } },
    ],
    [
      'a directory',
      { options: { working_dir: '/srv/p/site', add_dirs: ['/srv/d'] } },
      { allow: { dirs: ['/srv/p', '/srv/d'] } },
    ],
    ['an MCP server', { options: { mcp_servers: ['github'] } }, { allow: { mcp_servers: ['github'] } }],
    ['the most time', { timeout: '1h' }, {}],
    ['fewer attempts', { max_attempts: 1 }, {}],
    ['fewer turns', { options: { max_turns: 5 } }, { limits: { max_turns: 5 } }],
    ['turns without a bound', { options: { max_turns: 5 } }, {}],
    ['a listed sender', { from: 'laptop' }, { allow: { senders: ['laptop'] } }],
    ['an unknown sender that is listed', {}, { allow: { senders: ['unknown'] } }],
    ['prompts', { options: { system_prompt: 'a', append_system_prompt: 'b' } }, {}],
  ])('is granted as it is: %s', (_, fields, bounds) => {
    const request = granted(fields, bounds);
    expect(request.options).toMatchObject(fields.options ?? {});
    if (fields.max_attempts !== undefined) expect(request.max_attempts).toBe(fields.max_attempts);
  });

  it('takes the least of the budgets', () => {
    const bounds: Bounds = { limits: { cost_per_task: 2, cost_per_day: 10 } };
    expect(granted({ options: { max_budget_usd: 0.5 } }, bounds).budget).toEqual({
      usd: 0.5,
      key: 'options.max_budget_usd',
    });
    expect(granted({}, bounds).budget).toEqual({ usd: 2, key: 'limits.cost_per_task' });
    const spentToday = { host: { cost_usd: 9, tasks: 3 }, sender: NOTHING };
    expect(granted({}, bounds, { spentToday }).budget).toEqual({ usd: 1, key: 'limits.cost_per_day' });
    expect(granted({}, bounds, { spentToday }).options.max_budget_usd).toBe(1);
  });

  it('hands on directories that are absolute and plain', () => {
    const { options } = granted(
      { options: { working_dir: '~/code/./x/../y', add_dirs: ['/home/ada//code/'] } },
      { allow: { dirs: ['/home/ada/code'] } },
    );
    expect(options.working_dir).toBe('/home/ada/code/y');
    expect(options.add_dirs?.[0]).toMatch(/^\/home\/ada\/code\/?$/);
  });

  it('asks for JSON where there is a schema for it', () => {
    expect(granted({ options: { output_schema: { type: 'object' } } }).options.output_format).toBe('json');
  });

  it('lets nothing through that it does not know', () => {
    const options = { permission_mode: 'plan', dangerously: true } as TaskOptions;
    expect(granted({ options }).options).toEqual({ runner: 'claude', permission_mode: 'plan' });
  });
});

describe('a request past a bound', () => {
  it.each<[string, MessageFields, Bounds, string, string]>([
    [
      'sender',
      { from: 'eve' },
      { allow: { senders: ['laptop'] } },
      'work as the sender "eve", allowed: messages from laptop',
      'allow.senders',
    ],
    ['no sender', {}, { allow: { senders: ['laptop'] } }, 'work as the sender "unknown"', 'allow.senders'],
    ['anybody', { from: 'a' }, { allow: { senders: [] } }, 'messages from nobody', 'allow.senders'],
    ['runner', { options: { runner: 'command' } }, {}, 'options.runner "command", allowed: claude', 'allow.runners'],
    [
      'own runner of another host',
      { options: { runner: 'claude' } },
      { runner: 'command' },
      'allowed: command',
      'allow.runners',
    ],
    [
      'model',
      { options: { model: 'opus' } },
      {},
      'options.model "opus", allowed: only the runner\'s own default',
      'allow.models',
    ],
    [
      'fallback',
      { options: { fallback_model: 'opus' } },
      { allow: { models: ['haiku'] } },
      'options.fallback_model "opus", allowed: haiku',
      'allow.models',
    ],
    [
      'tool',
      { options: { allowed_tools: ['Bash'] } },
      { allow: { tools: ['Bash(git:*)'] } },
      'options.allowed_tools "Bash", allowed: Bash(git:*)',
      'allow.tools',
    ],
    ['any tool', { options: { allowed_tools: ['Read'] } }, {}, 'no tool without asking', 'allow.tools'],
    [
      'mode',
      { options: { permission_mode: 'acceptEdits' } },
      {},
      'options.permission_mode "acceptEdits", allowed: at most default',
      'allow.permission_mode',
    ],
    [
      'unknown mode',
      { options: { permission_mode: 'root' as 'plan' } },
      { allow: { permission_mode: 'bypassPermissions' } },
      '"root"',
      'allow.permission_mode',
    ],
    [
      'working_dir',
      { options: { working_dir: '/etc' } },
      {},
      'options.working_dir "/etc", allowed: only a scratch directory',
      'allow.dirs',
    ],
    [
      'dots',
      { options: { working_dir: '/srv/p/../secret' } },
      { allow: { dirs: ['/srv/p'] } },
      'directories below /srv/p',
      'allow.dirs',
    ],
    [
      'sibling',
      { options: { working_dir: '/srv/p-evil' } },
      { allow: { dirs: ['/srv/p'] } },
      '"/srv/p-evil"',
      'allow.dirs',
    ],
    [
      'relative',
      { options: { working_dir: 'p' } },
      { allow: { dirs: ['/'] } },
      '"p", which is not absolute',
      'allow.dirs',
    ],
    [
      'home of another',
      { options: { working_dir: '~eve/x' } },
      { allow: { dirs: ['/home'] } },
      'not absolute',
      'allow.dirs',
    ],
    [
      'add_dirs',
      { options: { add_dirs: ['/srv/p', '/etc'] } },
      { allow: { dirs: ['/srv/p'] } },
      'options.add_dirs "/etc"',
      'allow.dirs',
    ],
    [
      'MCP server',
      { options: { mcp_servers: ['mail'] } },
      { allow: { mcp_servers: ['github'] } },
      'options.mcp_servers "mail", allowed: github',
      'allow.mcp_servers',
    ],
    ['time', { timeout: '2h' }, {}, 'timeout 2h 0m, allowed: at most 1h 0m', 'limits.timeout'],
    [
      'time of its sender',
      { from: 'a', timeout: '2m' },
      { senders: { a: { timeout: 1000 } } },
      'at most 1.0s',
      'senders.a.timeout',
    ],
    ['no time', { timeout: '0s' }, {}, 'more than nothing', 'limits.timeout'],
    ['attempts', { max_attempts: 4 }, {}, 'max_attempts 4, allowed: at most 3', 'limits.max_attempts'],
    [
      'turns',
      { options: { max_turns: 51 } },
      { limits: { max_turns: 50 } },
      'options.max_turns 51, allowed: at most 50',
      'limits.max_turns',
    ],
    [
      'cost',
      { options: { max_budget_usd: 3 } },
      { limits: { cost_per_task: 2 } },
      'options.max_budget_usd $3, allowed: at most $2',
      'limits.cost_per_task',
    ],
    ['NaN', { options: { max_turns: Number.NaN } }, {}, 'options.max_turns NaN', 'limits.max_turns'],
  ])('is refused, with what was asked, what is allowed and the key: %s', (_, fields, bounds, message, key) => {
    const error = refused(fields, bounds);
    expect(error.code).toBe('refused');
    expect(error.message).toContain(message);
    expect(error.hint).toContain(key);
    expect(error.hint).toContain('.mailboxd/config.yaml on build-2');
  });

  it('names all reasons at once, and no more', () => {
    const error = refused({ timeout: '2h', options: { model: 'opus', permission_mode: 'auto' } });
    expect(error.message.split('; ')).toHaveLength(3);
    expect(error.hint).toContain('ask for less, or have allow.models, allow.permission_mode, limits.timeout widened');
  });

  it('is refused before a daily limit is looked at', () => {
    const spentToday = { host: { cost_usd: 0, tasks: 9 }, sender: NOTHING };
    expect(refused({ options: { model: 'opus' } }, { limits: { tasks_per_day: 1 } }, { spentToday }).code).toBe(
      'refused',
    );
  });

  it('finds no rights in the names that every object has', () => {
    expect(limitsFor(configOf(), 'constructor')).toEqual(configOf().limits);
    expect(granted({ from: 'toString' }).timeout).toBe(3_600_000);
  });
});

describe('resume_session', () => {
  const owners: Record<string, { mailbox: string; from: string }> = {
    mine: { mailbox: 'server', from: 'laptop' },
    hers: { mailbox: 'server', from: 'eve' },
    elsewhere: { mailbox: 'ops', from: 'laptop' },
    nobodys: { mailbox: 'server', from: 'unknown' },
  };
  const facts = { sessionOwner: (session: string) => owners[session] };

  it('goes on with a session of this mailbox and this sender', () => {
    expect(granted({ from: 'laptop', options: { resume_session: 'mine' } }, {}, facts).options.resume_session).toBe(
      'mine',
    );
    expect(granted({ options: { resume_session: 'nobodys' } }, {}, facts).options.resume_session).toBe('nobodys');
  });

  it.each(['hers', 'elsewhere', 'nobodys', 'missing'])('is refused for %s, in the same words', (session) => {
    const error = refused({ from: 'laptop', options: { resume_session: session } }, {}, facts);
    expect(error.message).toBe(
      `asked for options.resume_session "${session}", allowed: sessions of the mailbox server that "laptop" began`,
    );
    expect(error.hint).toBe('ask for less');
  });
});

describe('a daily limit', () => {
  const used = (host: Partial<typeof NOTHING>, sender: Partial<typeof NOTHING> = {}) => ({
    spentToday: { host: { ...NOTHING, ...host }, sender: { ...NOTHING, ...sender } },
  });

  it.each<[string, Bounds, Partial<PolicyFacts>, string]>([
    ['tasks', { limits: { tasks_per_day: 3 } }, used({ tasks: 3 }), 'limits.tasks_per_day'],
    ['cost', { limits: { cost_per_day: 5 } }, used({ cost_usd: 5.2 }), 'limits.cost_per_day'],
    [
      'next to nothing left',
      { limits: { cost_per_day: 0.3 } },
      used({ cost_usd: 0.1 + 0.19999 }),
      'limits.cost_per_day',
    ],
    [
      'tasks of the sender',
      { senders: { a: { tasks_per_day: 1 } } },
      used({ tasks: 9 }, { tasks: 1 }),
      'senders.a.tasks_per_day',
    ],
    [
      'cost of the sender',
      { senders: { a: { cost_per_day: 1 } } },
      used({}, { cost_usd: 1 }),
      'senders.a.cost_per_day',
    ],
  ])('holds the task until midnight: %s', (_, bounds, facts, key) => {
    const decision = decide({ from: 'a' }, bounds, facts);
    if (decision.ok || !decision.wait) throw new Error('it is not held');
    expect(decision.wait.until).toBe(new Date(2026, 10, 21).getTime());
    expect(decision.wait.key).toBe(key);
    expect(decision.wait.message).toContain(key);
    expect(decision.wait.hint).toContain('it runs after midnight');
  });

  it.each<[string, Bounds, Partial<PolicyFacts>]>([
    ['below it', { limits: { tasks_per_day: 3, cost_per_day: 5 } }, used({ tasks: 2, cost_usd: 4 })],
    ["another sender's", { senders: { b: { tasks_per_day: 1 } } }, used({ tasks: 5 }, { tasks: 5 })],
    ['no limit', {}, used({ tasks: 1e6, cost_usd: 1e6 })],
  ])('lets it run: %s', (_, bounds, facts) => {
    expect(decide({ from: 'a' }, bounds, facts).ok).toBe(true);
  });

  it('counts days from midnight to midnight', () => {
    const noon = new Date(2026, 2, 29, 12).getTime();
    expect(startOfDay(noon)).toBe(new Date(2026, 2, 29).getTime());
    expect(endOfDay(noon)).toBe(new Date(2026, 2, 30).getTime());
    expect(endOfDay(startOfDay(noon))).toBe(endOfDay(noon));
    expect(endOfDay(new Date(2026, 11, 31, 23, 59, 59, 999).getTime())).toBe(new Date(2027, 0, 1).getTime());
  });
});

describe('coversTool', () => {
  it.each([
    ['*', 'Bash'],
    ['*', '*'],
    ['Bash', 'Bash'],
    ['Bash', 'Bash(git:*)'],
    ['Bash(git:*)', 'Bash(git:*)'],
    ['Bash(git:*)', 'Bash(git log:*)'],
    ['Bash(git:*)', 'Bash(git status)'],
    ['Bash(git log:*)', 'Bash(git log --oneline)'],
    ['Read', 'Read(/srv/**)'],
    ['mcp__github', 'mcp__github__search'],
    ['mcp__github__*', 'mcp__github__search'],
    ['mcp__github__*', 'mcp__github'],
    ['mcp__*', 'mcp__github__search'],
  ])('%s covers %s', (allowed, asked) => {
    expect(coversTool(allowed, asked)).toBe(true);
  });

  it.each([
    ['Bash', '*'],
    ['Bash(git:*)', 'Bash'],
    ['Bash(git:*)', 'Bash(gitk)'],
    ['Bash(git:*)', 'Bash(github-cli:*)'],
    ['Bash(git:*)', 'Bash(git log; rm -rf /)'],
    ['Bash(git:*)', 'Bash(git $(id))'],
    ['Bash(git:*)', 'Bash(git log && curl x)'],
    ['Bash(git:*)', 'Bash(git log | sh)'],
    ['Bash(git:*)', 'Bash(git *)'],
    ['Bash(git:*)', 'Bash(:*)'],
    ['Bash(git log:*)', 'Bash(git:*)'],
    ['Bash(git status)', 'Bash(git status:*)'],
    ['Bash(git:*)', 'Bash(git:*) Write(x)'],
    ['Bash', 'Bash,Write'],
    ['Bash', 'Bash Write'],
    ['Bash', 'Bash(a)(b)'],
    ['Bash', 'bash'],
    ['Bash', 'BashOutput'],
    ['Bash', 'Bash*'],
    ['Read', 'Write'],
    ['Read(/srv/**)', 'Read(/srv/a)'],
    ['Read(/srv/**)', 'Read'],
    ['mcp__github', 'mcp__github2__x'],
    ['mcp__github', 'mcp__*'],
    ['mcp__github__search', 'mcp__github'],
    ['mcp__', 'mcp__github__x'],
    ['mcp', 'mcp__github__x'],
    ['', 'Bash'],
    ['Bash', ''],
  ])('%s does not cover %s', (allowed, asked) => {
    expect(coversTool(allowed, asked)).toBe(false);
  });
});

describe('isBelow', () => {
  it.each([
    ['/srv/p', ['/srv/p'], true],
    ['/srv/p/', ['/srv/p'], true],
    ['/srv/p', ['/srv/p/'], true],
    ['/srv/p/a/b', ['/x', '/srv/p'], true],
    ['/srv/p/..x', ['/srv/p'], true],
    ['/anything', ['/'], true],
    ['/srv', ['/srv/p'], false],
    ['/srv/pp', ['/srv/p'], false],
    ['/srv/p/../q', ['/srv/p'], false],
    ['/srv/p/a/../../q', ['/srv/p'], false],
    ['srv/p', ['/'], false],
    ['', ['/'], false],
    ['/srv/p', [], false],
    ['/srv/p', ['srv'], false],
  ])('%s in %j: %s', (path, dirs, expected) => {
    expect(isBelow(path, dirs)).toBe(expected);
  });
});

describe('who may put messages into a running task', () => {
  const say = (from: string | undefined, sayer: string | undefined, senders: string[]) =>
    maySay({ from, sayer }, configOf({ allow: { senders } })).ok;

  it.each<[string, string | undefined, string | undefined, string[], boolean]>([
    ['its sender', 'laptop', 'laptop', ['*'], true],
    ['its unknown sender', undefined, undefined, ['*'], true],
    ['anybody, where anybody may send', 'laptop', 'eve', ['*'], false],
    ['nobody in particular', 'laptop', undefined, ['*'], false],
    ['one that is listed', 'laptop', 'ops', ['laptop', 'ops'], true],
    ['one that is listed beside *', 'laptop', 'ops', ['*', 'ops'], true],
    ['one that calls itself *', 'laptop', '*', ['*'], false],
    ['its sender, no longer accepted', 'laptop', 'laptop', ['ops'], false],
  ])('%s', (_, from, sayer, senders, expected) => {
    expect(say(from, sayer, senders)).toBe(expected);
  });

  it('says why not, and what would help', () => {
    const answer = maySay({ from: 'laptop', sayer: 'eve' }, configOf());
    if (answer.ok) throw new Error('it was allowed');
    expect(answer.error.message).toBe('"eve" may not put messages into a task of "laptop"');
    expect(answer.error.hint).toContain('allow.senders');
  });

  it('accepts the senders that are listed, and any where * is', () => {
    expect(acceptsSender('eve', configOf())).toBe(true);
    expect(acceptsSender(undefined, configOf({ allow: { senders: ['laptop'] } }))).toBe(false);
    expect(acceptsSender('laptop', configOf({ allow: { senders: ['laptop'] } }))).toBe(true);
  });
});
