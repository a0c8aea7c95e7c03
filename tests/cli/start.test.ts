import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createStartPrinter } from '../../src/cli/start-printer.js';
import type { DaemonEvent } from '../../src/daemon/worker.js';
import { testdir } from '../support/testdir.js';
import { waitUntil } from '../support/wait-until.js';
import { callsIn, makeRoot, start } from './harness.js';

const inFolder = (dir: string, state: string): string[] =>
  readdirSync(join(dir, 'mailboxes', 'server', state)).filter((name) => name.endsWith('.md'));

describe('start --once', () => {
  test('works off what is waiting, says where to read it, and logs it without the output', async () => {
    const { dir, mb } = await makeRoot();
    writeFileSync(join(dir, 'mailboxes', 'server', 'inbox', 'hello.md'), 'Say hello');
    const { code, out } = await mb('start', '--once');
    expect(code, out).toBe(0);
    expect(out).toContain(`mailboxd serves laptop, server in ${dir}`);
    expect(out).toContain('runner: simulator: needs no account');
    expect(out).toContain('read it: mailboxes/server/complete/hello.md');
    expect(readFileSync(join(dir, 'mailboxes', 'server', 'complete', 'hello.md'), 'utf8')).toMatch(
      /Say hello\n+<!-- run 1[\s\S]*## Result/,
    );
    const log = readFileSync(join(dir, '.mailboxd', 'logs', 'mailboxd.log'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(log.map((line) => line['msg'])).toEqual(
      expect.arrayContaining(['started', 'claimed', 'finished', 'stopped']),
    );
    expect(log.find((line) => line['msg'] === 'finished')).toMatchObject({
      file: 'server/complete/hello.md',
      outcome: 'complete',
    });
    expect(await mb('start', '--once')).toMatchObject({ code: 0, out: expect.stringContaining('nothing was waiting') });
    expect(readdirSync(join(dir, '.mailboxd', 'serving'))).toEqual([]);
  });

  test('exits 1 for a failure, 2 for what still waits; leaves chats and what is not due', async () => {
    const { dir, mb } = await makeRoot();
    await mb('send', 'server', 'later', '--not-before', '1h');
    await mb('send', 'server', 'chat', '--type', 'chat');
    expect((await mb('start', '--once')).code).toBe(0);
    expect(inFolder(dir, 'inbox')).toHaveLength(2);
    await mb('send', 'server', 'simulate: usage-limit 1m 1');
    expect(await mb('start', '--once')).toMatchObject({
      code: 2,
      out: expect.stringContaining('server is parked (usage_limit)'),
    });
    const { parked } = (await mb('list', '--json')).json();
    expect(parked).toEqual([
      {
        mailbox: 'server',
        reason: 'usage_limit',
        message: expect.any(String),
        since: expect.any(String),
        next_try: expect.any(String),
        tries: 0,
      },
    ]);
    expect((await callsIn(dir, { tty: { stdout: true } })('list')).out).toContain('server is parked (usage_limit)');
    expect((await mb('doctor', '--json')).json().findings).toContainEqual(
      expect.objectContaining({ check: 'parked', level: 'warn' }),
    );
    await mb('send', 'laptop', 'simulate: fail broken', '--max-attempts', '1');
    expect((await mb('start', '--once')).code).toBe(1);
  });

  test('--mailbox and --runner stand in for the configuration', async () => {
    const { dir, mb } = await makeRoot();
    await mb('send', 'server', 'one');
    await mb('send', 'laptop', 'two');
    expect((await mb('start', '--once', '--mailbox', 'laptop')).code).toBe(0);
    expect(inFolder(dir, 'inbox')).toHaveLength(1);
    const claude = await mb('start', '--once', '--runner', 'claude');
    expect(claude).toMatchObject({ code: 2, out: expect.stringContaining('the Claude CLI was not found') });
    expect(claude.out).toContain('tasks wait until it can');
    expect(inFolder(dir, 'inbox')).toHaveLength(1);
  });
});

test('CLAUDE_MOCK_TEST=1 puts the simulator in the place of claude, and says so', async () => {
  const dir = testdir();
  const mb = callsIn(dir);
  await mb('init', '--as', 'laptop', '--mailbox', 'server');
  await mb('send', 'server', 'one');
  const daemon = await mb('start', '--once');
  expect(daemon).toMatchObject({
    code: 0,
    out: expect.stringContaining('CLAUDE_MOCK_TEST=1, so the built-in simulator'),
  });
  expect(inFolder(dir, 'complete')).toHaveLength(1);
  const turn = { cwd: dir, stdin: '{"type":"user","message":"two"}\n' };
  expect((await callsIn(dir, turn)('run')).code).toBe(0);
  await mb('send', 'server', 'three');
  const without = await callsIn(dir, { env: { CLAUDE_MOCK_TEST: '' } })('start', '--once');
  expect(without).toMatchObject({ code: 2, out: expect.stringContaining('runner: claude: ') });
});

describe('a root without a configuration', () => {
  test('is told how to get one, or gets one where --mailbox says what to serve', async () => {
    const dir = testdir({ 'mailboxes/server/inbox/': '' });
    const mb = callsIn(dir);
    expect(await mb('start', '--once')).toMatchObject({
      code: 64,
      err: expect.stringContaining('mailboxd init --as NAME'),
    });
    expect(existsSync(join(dir, '.mailboxd', 'config.yaml'))).toBe(false);
    await mb('send', 'server', 'x', '--from', 'me');
    expect(await mb('start', '--once', '--mailbox', 'server', '--runner', 'simulator')).toMatchObject({
      code: 0,
      err: expect.stringContaining('this host is server'),
    });
    expect(statSync(join(dir, '.mailboxd', 'config.yaml')).mode & 0o777).toBe(0o600);
    expect(inFolder(dir, 'complete')).toHaveLength(1);
  });

  test('a configuration error ends with 64, which launchd is told as 0', async () => {
    const { dir, mb } = await makeRoot();
    appendFileSync(join(dir, '.mailboxd', 'config.yaml'), 'grace: soon\n');
    expect((await mb('start')).code).toBe(64);
    expect((await callsIn(dir, { env: { MAILBOXD_SERVICE: 'launchd' } })('start')).code).toBe(0);
  });

  test('a host that serves nothing says so', async () => {
    const { dir, mb } = await makeRoot();
    const config = join(dir, '.mailboxd', 'config.yaml');
    writeFileSync(config, readFileSync(config, 'utf8').replace(/^serve:.*$/m, 'serve: []'));
    expect(await mb('start')).toMatchObject({ code: 64, err: expect.stringContaining('found no mailbox to serve') });
  });
});

describe('a signal', () => {
  test('lets a running task end; a second one hands it back at once', async () => {
    const { dir, mb } = await makeRoot();
    await mb('send', 'server', 'first\nsimulate: duration 1s');
    const gentle = start({ cwd: dir }, 'start');
    await waitUntil(() => gentle.out.includes('│'), { what: 'output' });
    gentle.signal('SIGTERM');
    expect(await gentle.result).toMatchObject({ code: 0, out: expect.stringContaining('complete') });
    expect(gentle.out).toContain('waiting for 1 running task');

    const id = (await mb('send', 'server', 'second\nsimulate: hang')).out.trim();
    const hasty = start({ cwd: dir }, 'start');
    await waitUntil(() => hasty.out.includes('│'), { what: 'output' });
    hasty.signal();
    await waitUntil(() => hasty.out.includes('once more stops at once'), { what: 'draining' });
    hasty.signal();
    expect(await hasty.result).toMatchObject({
      code: 0,
      out: expect.stringContaining('back in mailboxes/server/inbox/'),
    });
    expect((await mb('show', id, '--json')).json()).toMatchObject({ message: { state: 'inbox', attempts: 0 } });
  });
});

describe('what a daemon tells', () => {
  const place = (state: 'in_progress' | 'complete') => ({ mailbox: 'server', state, name: 'x.md' }) as const;
  const claimed = (id: string): DaemonEvent => ({
    type: 'claimed',
    id,
    place: place('in_progress'),
    subject: `S${id}`,
    from: 'laptop',
    runner: 'simulator',
    run: 1,
    resumed: false,
  });
  const tell = (events: DaemonEvent[], columns?: number): string => {
    let out = '';
    const printer = createStartPrinter({
      write: (text) => (out += text),
      paint: (_style, text) => text,
      clock: () => '10:00:00',
      ...(columns && { columns }),
    });
    for (const event of events) printer.tell(event);
    return out;
  };
  const output = (id: string, text: string): DaemonEvent => ({ type: 'output', id, place: place('in_progress'), text });

  test('streams one task as it comes', () => {
    expect(
      tell([
        claimed('1'),
        output('1', 'a'),
        output('1', 'b\nc'),
        { type: 'finished', id: '1', place: place('complete'), outcome: 'complete', duration_ms: 1_200 },
      ]),
    ).toBe(
      '10:00:00 ▸ [1] S1 for server, from laptop, by simulator\n         │ ab\n         │ c\n10:00:00 ✓ [1] complete, in 1.2s\n           read it: mailboxes/server/complete/x.md\n',
    );
  });

  test('names each task where several run, and never mixes their lines', () => {
    const out = tell([
      claimed('1'),
      output('1', 'open '),
      claimed('2'),
      output('1', 'a'),
      output('2', 'b'),
      output('1', ' c\n'),
      output('2', '\n\nd'),
    ]);
    expect(out.split('\n').slice(2)).toEqual([
      '10:00:00 ▸ [2] S2 for server, from laptop, by simulator',
      '         │ [1] a c',
      '         │ [2] b',
      '',
    ]);
  });

  test('breaks long lines between words on a terminal', () => {
    const out = tell([claimed('1'), output('1', 'aaaa bbbb '), output('1', 'cccc dddd eeee ffff')], 32);
    expect(out.split('\n').slice(1)).toEqual(['         │ aaaa bbbb cccc dddd', '         │ eeee ffff']);
  });

  test('is safe from what it quotes', () => {
    const events: DaemonEvent[] = [
      { ...claimed('1'), subject: '\u001b[2J\nfake' } as DaemonEvent,
      output('1', '\u001b[2Jx'),
      {
        type: 'refused',
        id: '1',
        place: { mailbox: 'server', state: 'failed', name: '\u001b[2J\n.md' },
        reason: '\u0007',
      },
      { type: 'trouble', message: '\u001b', hint: '\u009b' },
      { type: 'chat', id: '1', place: place('complete'), from: '\u001b[2J' },
    ];
    expect(tell(events)).not.toMatch(/(?!\n)\p{Cc}/u);
    expect(tell(events.slice(0, 1)).split('\n')).toHaveLength(2);
  });
});

test('the daemon serves a mailbox whose folders went away', async () => {
  const { dir, mb } = await makeRoot();
  rmSync(join(dir, 'mailboxes', 'server'), { recursive: true });
  expect((await mb('start', '--once')).code).toBe(0);
  expect(existsSync(join(dir, 'mailboxes', 'server', 'inbox'))).toBe(true);
  mkdirSync(join(dir, 'mailboxes', 'server', 'inbox', 'folder.md'));
  expect((await mb('doctor', '--json')).json().findings).toContainEqual(
    expect.objectContaining({ check: 'files', message: expect.stringContaining('folder.md') }),
  );
});
