import { describe, expect, it } from 'vitest';
import type { MessageFields } from '../../src/core/message.js';
import { limitsFor } from '../../src/core/policy.js';
import { type Bounds, NOTHING, configOf, granted, refused } from './policy-support.js';

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
