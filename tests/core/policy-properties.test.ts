/** Invariant 5: a message cannot raise its own rights, whatever it asks and whatever the host allows. */
import { normalize, sep } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Config, type Limits, defaultConfig } from '../../src/core/config.js';
import { parseDuration } from '../../src/core/duration.js';
import { type MessageFields, PERMISSION_MODES } from '../../src/core/message.js';
import { type PolicyFacts, decidePolicy, endOfDay } from '../../src/core/policy.js';

const NAMES = ['laptop', 'server', 'eve', 'unknown', 'constructor', '__proto__', '*'];
const MODELS = ['sonnet', 'opus', 'haiku', '*'];
const TOOLS = [
  'Read',
  'Write',
  'Bash',
  'Bash(git:*)',
  'Bash(git log:*)',
  'mcp__gh',
  'mcp__gh__x',
  '*',
  'Read,Write',
  'Bash(git:*) Write(x)',
];
const DIRS = [
  '/',
  '/srv',
  '/srv/p',
  '/srv/p/../q',
  '/srv/pp',
  '/etc',
  '~',
  '~/x',
  '~eve',
  'rel',
  '/srv/p/./a//b',
  '..',
];
const RUNNERS = ['claude', 'command', 'simulator', '*'];
const SERVERS = ['github', 'mail', '*'];
const SESSIONS = ['s1', 's2', 's3'];
const DURATIONS = ['1ms', '90s', '10m', '1h', '2h', '30d'];

const some = (values: readonly string[]) => fc.subarray([...values]);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const positive = fc.integer({ min: 1, max: 60 });
const money = fc.double({ min: 0.01, max: 50, noNaN: true });

const limits: fc.Arbitrary<Limits> = fc.record({
  concurrency: positive,
  host_concurrency: positive,
  max_attempts: positive,
  max_crashes: positive,
  timeout: fc.constantFrom(...DURATIONS.map(parseDuration)),
  cost_per_task: maybe(money),
  cost_per_day: maybe(money),
  tasks_per_day: maybe(positive),
  max_turns: maybe(positive),
  output_bytes: fc.integer({ min: 1024, max: 1e7 }),
});

const config: fc.Arbitrary<Config> = fc
  .record({
    runner: fc.constantFrom('claude', 'command'),
    limits,
    senders: fc.dictionary(
      fc.constantFrom('laptop', 'eve', 'constructor'),
      fc.record(
        {
          timeout: fc.constantFrom(1, 5_000),
          max_turns: positive,
          cost_per_task: money,
          cost_per_day: money,
          tasks_per_day: positive,
        },
        { requiredKeys: [] },
      ),
    ),
    allow: fc.record({
      runners: some(RUNNERS),
      models: some(MODELS),
      tools: some(['Read', 'Bash', 'Bash(git:*)', 'mcp__gh', '*']),
      permission_mode: fc.constantFrom(...PERMISSION_MODES),
      dirs: some(['/', '/srv/p', '/home/ada/x']),
      senders: fc.oneof(fc.constant(['*']), some(NAMES)),
      mcp_servers: some(SERVERS),
    }),
  })
  .map((parts) => ({ ...defaultConfig({ host: 'h', key: 'k' }), ...parts }) as Config);

const asked = {
  timeout: fc.constantFrom(...DURATIONS, '0s'),
  max_attempts: fc.integer({ min: -1, max: 70 }),
};
const options = {
  runner: fc.constantFrom(...RUNNERS),
  model: fc.constantFrom(...MODELS),
  fallback_model: fc.constantFrom(...MODELS),
  max_turns: fc.oneof(fc.integer({ min: -1, max: 70 }), fc.constant(Number.NaN)),
  max_budget_usd: fc.double({ min: -1, max: 100 }),
  allowed_tools: fc.subarray(TOOLS, { maxLength: 2 }),
  disallowed_tools: some(TOOLS),
  permission_mode: fc.constantFrom(...PERMISSION_MODES, 'root' as 'plan'),
  resume_session: fc.constantFrom(...SESSIONS),
  working_dir: fc.constantFrom(...DIRS),
  add_dirs: fc.subarray(DIRS, { maxLength: 2 }),
  mcp_servers: some(SERVERS),
  sandbox: fc.constant(false),
};

/** A record with at most `most` of the keys: a message that asks for everything at once is all but always refused. */
function few<T extends Record<string, fc.Arbitrary<unknown>>>(fields: T, most: number) {
  return fc
    .tuple(fc.record(fields), fc.subarray(Object.keys(fields), { maxLength: most }))
    .map(([all, keys]) => Object.fromEntries(keys.map((key) => [key, all[key]])));
}

const message = fc
  .record({ from: fc.constantFrom(...NAMES, undefined), fields: few(asked, 1), options: few(options, 3) })
  .map(
    ({ from, fields, options }) => ({ ...(from === undefined ? {} : { from }), ...fields, options }) as MessageFields,
  );

const use = fc.record({
  cost_usd: fc.double({ min: 0, max: 20, noNaN: true }),
  tasks: fc.integer({ min: 0, max: 70 }),
});
const facts: fc.Arbitrary<PolicyFacts> = fc.record({
  now: fc.integer({ min: 1.7e12, max: 1.9e12 }),
  spentToday: fc.record({ host: use, sender: use }),
  sessionOwner: fc.tuple(fc.constantFrom('server', 'ops'), fc.constantFrom(...NAMES)).map(
    ([mailbox, from]) =>
      (session: string) =>
        session === 's3' ? undefined : { mailbox, from },
  ),
  home: fc.constant('/home/ada'),
});

/** Written apart from the code under test: plain comparisons, one list after another. */
function expectWithin(config: Config, fields: MessageFields, given: PolicyFacts): boolean {
  const decision = decidePolicy(fields, 'server', config, given);
  if (!decision.ok) {
    if (decision.wait) expect(decision.wait.until).toBe(endOfDay(given.now));
    else expect(decision.error.hint.length).toBeGreaterThan(0);
    return false;
  }
  const { request } = decision;
  const { allow } = config;
  const { options } = request;
  const own = new Map(Object.entries(config.senders)).get(request.from) ?? {};
  const bounds = [config.limits, own];
  const listed = (name: string | undefined, list: string[]) =>
    name === undefined || list.includes('*') || list.includes(name);
  expect(request.from).toBe(fields.from ?? 'unknown');
  expect(listed(request.from, allow.senders)).toBe(true);
  expect(listed(request.runner, [...allow.runners, config.runner])).toBe(true);
  expect(options.runner).toBe(request.runner);
  for (const model of [options.model, options.fallback_model]) expect(listed(model, allow.models)).toBe(true);
  for (const server of options.mcp_servers ?? []) expect(listed(server, allow.mcp_servers)).toBe(true);
  expect(PERMISSION_MODES.indexOf(options.permission_mode)).toBeGreaterThanOrEqual(0);
  expect(PERMISSION_MODES.indexOf(options.permission_mode)).toBeLessThanOrEqual(
    PERMISSION_MODES.indexOf(allow.permission_mode),
  );
  for (const tool of options.allowed_tools ?? []) {
    if (allow.tools.includes('*')) continue;
    expect(tool).not.toMatch(/^\*|,|\) /);
    const base = tool.replace(/\(.*|__x$/s, '');
    expect(
      allow.tools.some((one) => one === tool || one === base || (one === 'Bash(git:*)' && /^Bash\(git[ :]/.test(tool))),
    ).toBe(true);
  }
  for (const dir of [options.working_dir, ...(options.add_dirs ?? [])]) {
    if (dir === undefined) continue;
    expect(dir).toBe(normalize(dir));
    expect(
      allow.dirs.some((one) => one === '/' || dir === one || dir.startsWith(one + sep)),
      dir,
    ).toBe(true);
  }
  if (options.resume_session !== undefined) {
    expect(given.sessionOwner(options.resume_session)).toEqual({ mailbox: 'server', from: request.from });
  }
  for (const bound of bounds) {
    expect(request.timeout).toBeLessThanOrEqual(bound.timeout ?? Infinity);
    expect(request.timeout).toBeGreaterThan(0);
    expect(request.max_attempts).toBeLessThanOrEqual(bound.max_attempts ?? Infinity);
    expect(request.max_attempts).toBeGreaterThan(0);
    expect(request.max_crashes).toBeLessThanOrEqual(bound.max_crashes ?? Infinity);
    expect(request.output_bytes).toBeLessThanOrEqual(bound.output_bytes ?? Infinity);
    if (bound.max_turns !== undefined) expect(options.max_turns).toBeLessThanOrEqual(bound.max_turns);
    if (bound.cost_per_task !== undefined) expect(options.max_budget_usd).toBeLessThanOrEqual(bound.cost_per_task);
  }
  for (const [bound, spent] of [
    [config.limits, given.spentToday.host],
    [own, given.spentToday.sender],
  ] as const) {
    if (bound.tasks_per_day !== undefined) expect(spent.tasks).toBeLessThan(bound.tasks_per_day);
    if (bound.cost_per_day !== undefined)
      expect((options.max_budget_usd ?? Infinity) + spent.cost_usd).toBeLessThanOrEqual(bound.cost_per_day + 1e-9);
  }
  expect(request.budget?.usd).toBe(options.max_budget_usd);
  if (options.max_budget_usd !== undefined) expect(options.max_budget_usd).toBeGreaterThan(0);
  expect(options).not.toHaveProperty('sandbox');
  return true;
}

describe('policy', () => {
  it('never grants more than the host allows', () => {
    let granted = 0;
    const property = fc.property(config, message, facts, (host, fields, given) => {
      if (expectWithin(host, fields, given)) granted += 1;
    });
    fc.assert(property, { numRuns: 5_000 });
    // Refusing everything would be within bounds, too.
    expect(granted).toBeGreaterThan(300);
  });

  it('changes neither the message nor the configuration, and answers alike each time', () => {
    fc.assert(
      fc.property(config, message, facts, (host, fields, given) => {
        const before = JSON.stringify([host, fields]);
        const first = decidePolicy(fields, 'server', host, given);
        expect(decidePolicy(fields, 'server', host, given)).toEqual(first);
        expect(JSON.stringify([host, fields])).toBe(before);
      }),
    );
  });

  it('grants a message that asks for nothing, where its sender is accepted and the day has room', () => {
    fc.assert(
      fc.property(config, fc.constantFrom(...NAMES), (host, from) => {
        const free = {
          now: 0,
          sessionOwner: () => undefined,
          spentToday: { host: { cost_usd: 0, tasks: 0 }, sender: { cost_usd: 0, tasks: 0 } },
        };
        const accepted = host.allow.senders.includes('*') || host.allow.senders.includes(from);
        expect(decidePolicy({ from }, 'server', host, free).ok).toBe(accepted);
      }),
    );
  });
});
