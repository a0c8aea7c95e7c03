import { describe, expect, it } from 'vitest';
import type { MessageFields, TaskOptions } from '../../src/core/message.js';
import { type Bounds, NOTHING, granted } from './policy-support.js';

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
