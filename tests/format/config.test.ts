import { describe, expect, it } from 'vitest';
import { type Config, defaultConfig } from '../../src/core/config.js';
import { MailboxError } from '../../src/core/errors.js';
import { parseConfig } from '../../src/format/config.js';
import { type SchemaNode, readOwnSchema } from '../../src/schema/own-schema.js';

const GIVEN = { root: '/srv/box', host: 'h-1', key: 'k'.repeat(22), home: '/home/ada' };

function parse(text?: string): Config {
  return parseConfig(text, '.mailboxd/config.yaml', GIVEN);
}

function refusalOf(text: string): string {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof MailboxError && error.code === 'invalid') return error.message;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('config.yaml', () => {
  it.each([undefined, '', '\n# nothing but a comment\n', 'limits:\nallow:\nrunners:\n  claude:\nsenders:\n'])(
    'has the defaults for %j',
    (text) => {
      expect(parse(text)).toEqual(defaultConfig(GIVEN));
    },
  );

  it('has the defaults that the issue names', () => {
    expect(parse()).toMatchObject({
      runner: 'claude',
      limits: {
        concurrency: 2,
        host_concurrency: 4,
        max_attempts: 3,
        max_crashes: 5,
        timeout: 3_600_000,
        output_bytes: 10_485_760,
      },
      allow: {
        runners: [],
        models: [],
        tools: [],
        permission_mode: 'default',
        dirs: [],
        senders: ['*'],
        mcp_servers: [],
      },
      cache: 0,
      park: true,
      create_mailboxes: true,
      settle: 500,
      retry_delay: 5_000,
      grace: 20_000,
      keep: 2_592_000_000,
      lease: 60_000,
      poll: 10_000,
      heartbeat: 30_000,
      claims: {},
    });
  });

  it('reads every key', () => {
    const config = parse(`
host: build-2-k3xq
key: AbCdEfGhIjKlMnOpQrStUvWx
as: server
serve: [server, ops, server]
remote: ssh://git@example.com/m.git
runner: command
runners:
  claude:
    path: bin/claude
    env: { A: "1" }
    profiles: { acme: , beta: { config_dir: ~/beta, senders: [b1, b2], env: { B: x } } }
    warm: 1
    mcp_servers: { github: { type: http, url: "https://mcp.example.com" } }
  command: { argv: [llm, -m, local], output: json, env: { C: y } }
  simulator: { duration: 200ms }
limits:
  concurrency: 1
  host_concurrency: 8
  max_attempts: 2
  max_crashes: 1
  timeout: 10m
  cost_per_task: 1.5
  cost_per_day: 20
  tasks_per_day: 100
  max_turns: 50
  output_bytes: 512KiB
senders: { laptop: { timeout: 90s, output_bytes: 2048 }, other: }
allow:
  runners: [claude]
  models: [sonnet, "*"]
  tools: [Read, "Bash(git:*)"]
  permission_mode: acceptEdits
  dirs: [/srv/a/../b, work, ~/code, "~"]
  senders: [laptop]
  mcp_servers: [github]
signatures: { require: [laptop], allowed_signers: ~/signers, max_age: 7d }
sign: ~/.ssh/id_ed25519
create_mailboxes: false
cache: 1h
park: false
settle: 2s
grace: 2m
keep: 7d
`);
    expect(config).toEqual({
      host: 'build-2-k3xq',
      key: 'AbCdEfGhIjKlMnOpQrStUvWx',
      as: 'server',
      serve: ['server', 'ops'],
      remote: 'ssh://git@example.com/m.git',
      runner: 'command',
      runners: {
        claude: {
          path: '/srv/box/bin/claude',
          env: { A: '1' },
          profiles: {
            acme: { config_dir: 'acme', senders: ['acme'], env: {} },
            beta: { config_dir: '/home/ada/beta', senders: ['b1', 'b2'], env: { B: 'x' } },
          },
          warm: 1,
          mcp_servers: { github: { type: 'http', url: 'https://mcp.example.com' } },
        },
        command: { argv: ['llm', '-m', 'local'], output: 'json', env: { C: 'y' } },
        simulator: { duration: 200 },
      },
      limits: {
        concurrency: 1,
        host_concurrency: 8,
        max_attempts: 2,
        max_crashes: 1,
        timeout: 600_000,
        cost_per_task: 1.5,
        cost_per_day: 20,
        tasks_per_day: 100,
        max_turns: 50,
        output_bytes: 524_288,
      },
      senders: { laptop: { timeout: 90_000, output_bytes: 2048 }, other: {} },
      allow: {
        runners: ['claude'],
        models: ['sonnet', '*'],
        tools: ['Read', 'Bash(git:*)'],
        permission_mode: 'acceptEdits',
        dirs: ['/srv/b', '/srv/box/work', '/home/ada/code', '/home/ada'],
        senders: ['laptop'],
        mcp_servers: ['github'],
      },
      signatures: { require: ['laptop'], allowed_signers: '/home/ada/signers', max_age: 604_800_000 },
      sign: '/home/ada/.ssh/id_ed25519',
      create_mailboxes: false,
      cache: 3_600_000,
      park: false,
      settle: 2_000,
      retry_delay: 5_000,
      grace: 120_000,
      keep: 604_800_000,
      lease: 60_000,
      poll: 10_000,
      heartbeat: 30_000,
      claims: {},
    } satisfies Config);
  });

  it('shares nothing between two readings', () => {
    parse().allow.senders.push('x');
    parse().limits.concurrency = 99;
    expect(parse()).toEqual(defaultConfig(GIVEN));
  });

  it.each([
    ['a list', '- a', /found a list of 1, expected the settings/],
    [
      'a mistyped key',
      'limit:\n  timeout: 1h',
      /limit: found an unknown key, expected a known one; did you mean limits\?/,
    ],
    ['a mistyped inner key', 'limits:\n  concurency: 3', /limits\.concurency: .* did you mean concurrency\?/],
    ['an unknown key', 'zebra: 1', /zebra: found an unknown key, expected one of host, key, as/],
    ['no unit', 'limits: { timeout: 90 }', /limits\.timeout: found 90, expected a duration such as 90s/],
    ['no time', 'limits: { timeout: 0s }', /limits\.timeout: found "0s", .* longer than nothing/],
    [
      'signers that are synced',
      'signatures: { allowed_signers: mailboxes/signers }',
      /signatures\.allowed_signers: found "?\/srv\/box\/mailboxes\/signers"?, expected a path below \.mailboxd\/ or outside/,
    ],
    ['no rule', 'signatures: { require: yes }', /signatures\.require: found "yes", expected true, false or a list/],
    ['too long for a timer', 'limits: { timeout: 25d }', /limits\.timeout: found 25 days, expected at most 24d/],
    ['too long for a timer, for a sender', 'senders: { x: { timeout: 999d } }', /senders\.x\.timeout: found 999 days/],
    ['an empty list for everybody', 'allow: { senders: }', /allow\.senders: found nothing, expected a list/],
    ['a word for a list', 'allow: { models: sonnet }', /allow\.models: found "sonnet", expected a list/],
    ['a mode that is none', 'allow: { permission_mode: yolo }', /expected one of plan, dontAsk, default/],
    ['nobody at once', 'limits: { concurrency: 0 }', /limits\.concurrency: found 0, expected a whole number from 1/],
    ['a negative price', 'limits: { cost_per_day: -1 }', /expected an amount in US dollars above 0/],
    ['no number', 'limits: { cost_per_day: .nan }', /limits\.cost_per_day: found NaN/],
    [
      'an unknown size',
      'limits: { output_bytes: 10MB }',
      /expected a number of bytes, at least 1024, or a size such as 10MiB/,
    ],
    ['a name that is a path', 'serve: ["../x"]', /serve\[0\]: found "\.\.\/x", expected a name/],
    ['a sender that is no name', 'senders: { "a/b": {} }', /senders\["a\/b"\]: found the key "a\/b", expected a name/],
    [
      'a number for text',
      'runners: { claude: { env: { PORT: 80 } } }',
      /runners\.claude\.env\.PORT: .*; write it in quotes/,
    ],
    ['a bare tilde', 'allow: { dirs: [~] }', /allow\.dirs\[0\]: found nothing, .* a bare ~ as nothing/],
    ['an option for a remote', 'remote: --upload-pack=x', /remote: found "--upload-pack=x", expected a git URL/],
    [
      'an empty command',
      'runners: { command: { argv: [] } }',
      /runners\.command\.argv: .* expected a list of the program/,
    ],
    ['an anchor', 'a: &x 1\nb: *x', /anchor or alias/],
    ['broken YAML', 'limits: [', /cannot be read as YAML/],
    ['the same key twice', 'park: true\npark: false', /found the field \w+ twice, again in line 2$/],
    ['a deep value', `x: ${'['.repeat(2_000)}`, /nested/],
  ])('refuses %s', (_, text, expected) => {
    const message = refusalOf(text);
    expect(message).toMatch(expected);
    expect(message).toContain('.mailboxd/config.yaml');
  });

  it('never shows a secret', () => {
    expect(refusalOf('key: "sëcret"')).not.toContain('cret');
    expect(refusalOf('runners: { claude: { env: { ANTHROPIC_API_KEY: 12345 } } }')).not.toContain('12345');
    expect(refusalOf('runners: { claude: { mcp_servers: { x: "tok-12345" } } }')).not.toContain('12345');
  });

  it('has no entry for names that every object has', () => {
    const { senders } = parse('senders: { constructor: { max_attempts: 1 } }');
    expect(Object.hasOwn(senders, 'constructor')).toBe(true);
    expect(() => parse('senders: { __proto__: { max_attempts: 1 } }')).toThrow(MailboxError);
  });
});

describe('the schema of config.yaml', () => {
  const schema = readOwnSchema('config');

  function keysOf(node: SchemaNode, path: string[] = []): [string[], SchemaNode][] {
    return Object.entries(node.properties ?? {}).flatMap(([key, child]): [string[], SchemaNode][] => {
      const target = schema.$defs?.[child.$ref?.replace('#/$defs/', '') ?? ''];
      const full = { ...target, ...child };
      return [[[...path, key], full], ...keysOf(full, [...path, key])];
    });
  }

  it('describes every key and gives an example of each value', () => {
    for (const [path, key] of keysOf(schema)) {
      expect(key.description, path.join('.')).toMatch(/^.{10,}\.$/);
      if (!key.properties && path[0] !== 'key') expect(key.examples, path.join('.')).toHaveLength(1);
    }
  });

  it('has the same defaults as the code', () => {
    const lines = keysOf(schema).flatMap(([path, key]) => {
      if (key.default === undefined) return [];
      return [path.map((part, at) => `${'  '.repeat(at)}${part}:`).join('\n') + ` ${JSON.stringify(key.default)}`];
    });
    expect(lines.length).toBeGreaterThan(25);
    for (const line of lines) expect(parse(line), line).toEqual(defaultConfig(GIVEN));
  });

  it('takes its own examples', () => {
    for (const [path, key] of keysOf(schema)) {
      if (key.examples === undefined) continue;
      const text =
        path.map((part, at) => `${'  '.repeat(at)}${part}:`).join('\n') + ` ${JSON.stringify(key.examples[0])}`;
      expect(() => parse(text), text).not.toThrow();
      expect(parse(text), `${text} changes nothing`).not.toEqual(defaultConfig(GIVEN));
    }
  });
});
