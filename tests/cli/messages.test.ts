import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { testdir } from '../support/testdir.js';
import { callsIn, makeRoot, openInput, start } from './harness.js';
import { waitUntil } from '../support/wait-until.js';

const PLACE = ['id', 'mailbox', 'state', 'name', 'path'];

describe('list, show and stats', () => {
  test('list filters, and says the same to programs and pipes', async () => {
    const { mb } = await makeRoot();
    const ids: string[] = [];
    for (const [to, text, ...more] of [
      ['server', 'one'],
      ['server', 'two', '--thread', 't'],
      ['laptop', 'three', '--type', 'chat', '--from', 'bob'],
    ] as const) {
      ids.push((await mb('send', to, text, ...more)).out.trim());
    }
    const listed = async (...argv: string[]): Promise<string[]> =>
      (await mb('list', '--json', ...argv)).json().messages.map((message: { id: string }) => message.id);
    expect(await listed()).toEqual(ids.toReversed());
    expect(await listed('server')).toEqual([ids[1], ids[0]]);
    expect(await listed('--from', 'bob')).toEqual([ids[2]]);
    expect(await listed('--type', 'chat')).toEqual([ids[2]]);
    expect(await listed('--thread', 't')).toEqual([ids[1]]);
    expect(await listed('--state', 'failed')).toEqual([]);
    expect(await listed('--limit', '1', '--offset', '1')).toEqual([ids[1]]);
    const data = (await mb('list', '--json')).json();
    expect(Object.keys(data)).toEqual(['messages', 'total', 'parked']);
    expect(Object.keys(data.messages[0])).toEqual([
      ...PLACE,
      'type',
      'from',
      'to',
      'subject',
      'priority',
      'created',
      'size',
      'attempts',
      'crashes',
      'runs',
      'updated',
    ]);
    expect((await mb('list', 'server')).out.split('\n')[0]).toBe(
      [ids[1], 'inbox', 'server', 'task', 'laptop', data.messages[1].created, 'two'].join('\t'),
    );
    expect(await mb('list', '--limit', '0x10')).toMatchObject({ code: 64 });
    expect(await mb('list', '--limit', '-1')).toMatchObject({ code: 64 });
    expect(await mb('list', '--state', 'done')).toMatchObject({ code: 64 });
  });

  test('a table on a terminal, with ids short enough and long enough to be told apart', async () => {
    const { dir, mb } = await makeRoot();
    await mb('send', 'server', 'one');
    await mb('send', 'server', 'two');
    const { out } = await callsIn(dir, { tty: { stdout: true }, columns: 80 })('list');
    const [head, ...rows] = out.trimEnd().split('\n');
    expect(head).toMatch(/^ID +STATE +MAILBOX +FROM +AGE +SUBJECT$/);
    const short = rows.map((row) => row.split(/\s+/)[0] ?? '');
    expect(new Set(short).size).toBe(2);
    for (const id of short) expect((await mb('show', id)).code).toBe(0);
  });

  test('show has one shape, for a message and for what is none', async () => {
    const { dir, mb } = await makeRoot();
    const id = (await mb('send', 'server', 'one')).out.trim();
    const shape = ['message', 'fields', 'problem', 'text', 'recorded', 'result', 'kept'];
    expect(Object.keys((await mb('show', id, '--json')).json())).toEqual(shape);
    expect(await mb('show', id, '--result')).toMatchObject({ code: 2, out: '' });
    writeFileSync(join(dir, 'mailboxes', 'server', 'inbox', 'bad.md'), '---\n{{{\n---\nx');
    const bad = (await mb('show', 'mailboxes/server/inbox/bad.md', '--json')).json();
    expect(Object.keys(bad)).toEqual(shape);
    expect(bad).toMatchObject({ fields: null, result: null, problem: expect.any(String) });
    await mb('start', '--once');
    expect(await mb('show', id, '--result')).toMatchObject({ code: 0, out: expect.stringContaining('simulated') });
    expect(await mb('show', 'mailboxes/server/failed/bad.md', '--result')).toMatchObject({ code: 1 });
  });

  test('stats has counts, times, costs and what is parked', async () => {
    const { dir, mb } = await makeRoot();
    await mb('send', 'server', 'one');
    await mb('start', '--once');
    const stats = (await mb('stats', '--json')).json();
    expect(stats).toMatchObject({
      total: 1,
      by_state: { complete: 1 },
      by_mailbox: { server: { complete: 1 } },
      parked: [],
    });
    expect((await callsIn(dir, { tty: { stdout: true } })('stats')).out).toMatch(/server +0 +0 +1 +0/);
  });
});

describe('a message', () => {
  test('is named by its id, the unique beginning of one, or a path from anywhere', async () => {
    const { dir, mb } = await makeRoot();
    await mb('send', 'server', '--file', '-', '--subject', 'empty');
    const write = (name: string, id: string): void =>
      writeFileSync(join(dir, 'mailboxes', 'server', 'inbox', name), `---\nid: "${id}"\n---\n${name}\n`);
    write('a.md', '0x10');
    write('b.md', '1e3');
    write('c.md', '16');
    write('d.md', 'same-1');
    write('e.md', 'same-2');
    const nameOf = async (cwd: string, reference: string): Promise<string> =>
      (await callsIn(cwd, { env: { MAILBOXD_ROOT: dir } })('show', reference, '--json')).json().message?.name;
    for (const [reference, name] of [
      ['0x10', 'a.md'],
      ['1e3', 'b.md'],
      ['16', 'c.md'],
      ['same-1', 'd.md'],
      ['0x', 'a.md'],
    ] as const) {
      expect(await nameOf(dir, reference), reference).toBe(name);
    }
    expect(await nameOf(join(dir, 'mailboxes', 'server', 'inbox'), './b.md')).toBe('b.md');
    expect(await nameOf(join(dir, 'mailboxes'), 'server/inbox/b.md')).toBe('b.md');
    expect(await nameOf(testdir(), join(dir, 'mailboxes/server/inbox/b.md'))).toBe('b.md');
    expect(await mb('show', 'same')).toMatchObject({ code: 64, err: expect.stringContaining('same-1') });
    expect(await mb('show', 'nothing')).toMatchObject({ code: 3 });
    expect(await mb('show', '../../../etc/passwd')).toMatchObject({ code: 3 });
  });

  test('is cancelled, retried, moved, acknowledged and deleted', async () => {
    const { dir, mb } = await makeRoot();
    const id = (await mb('send', 'server', 'task')).out.trim();
    const chat = (await mb('send', 'laptop', 'chat', '--type', 'chat')).out.trim();
    const cancelled = await mb('cancel', id, '--json');
    expect(Object.keys(cancelled.json())).toEqual(['id', 'done', 'mailbox', 'state', 'name', 'path']);
    expect(cancelled.json()).toMatchObject({ id, state: 'failed' });
    expect(await mb('cancel', id)).toMatchObject({
      code: 4,
      err: expect.stringContaining('expected inbox/ or in_progress/'),
    });
    expect(await mb('retry', id)).toMatchObject({ code: 0, out: expect.stringContaining('server/inbox/') });
    expect(await mb('retry', id)).toMatchObject({ code: 4 });
    expect((await mb('move', id, 'laptop', '--json')).json()).toMatchObject({ mailbox: 'laptop', state: 'inbox' });
    expect(await mb('move', id, 'laptop')).toMatchObject({ code: 64 });
    expect(await mb('move', id, 'a/b')).toMatchObject({ code: 3 });
    expect(await mb('ack', id)).toMatchObject({ code: 64 });
    expect((await mb('ack', chat, '--json')).json()).toMatchObject({ state: 'complete' });
    expect(await mb('ack', chat)).toMatchObject({ code: 4 });
    expect(await mb('delete', id)).toMatchObject({ code: 0 });
    expect(await mb('delete', id)).toMatchObject({ code: 3 });
    expect(readdirSync(join(dir, 'mailboxes', 'laptop', 'inbox'))).toEqual([]);
  });

  test('tail and send --wait exit by the outcome, or give up', async () => {
    const { dir, mb } = await makeRoot();
    expect(await mb('send', 'server', 'x', '--wait', '--give-up', '50ms', '--json')).toMatchObject({ code: 2 });
    const waiting = start({ cwd: dir }, 'send', 'server', 'simulate: answer forty-two', '--wait');
    const failing = start(
      { cwd: dir },
      'send',
      'server',
      'simulate: fail broken',
      '--max-attempts',
      '1',
      '--wait',
      '--json',
    );
    const refused = start({ cwd: dir }, 'send', 'server', 'x', '--model', 'forbidden', '--wait');
    const inbox = join(dir, 'mailboxes', 'server', 'inbox');
    await waitUntil(() => readdirSync(inbox).filter((name) => name.endsWith('.md')).length === 4, {
      what: 'four messages',
    });
    await waitUntil(() => waiting.err.includes('no daemon'), { what: 'the waiting told' });
    const daemon = await mb('start', '--once');
    expect(daemon.code, daemon.out).toBe(1);
    const done = await waiting.result;
    expect(done.code).toBe(0);
    expect(done.out.match(/forty-two/g)).toHaveLength(1);
    expect(done.err).toContain('no daemon on this host serves server');
    const failed = await failing.result;
    expect(failed).toMatchObject({ code: 1 });
    expect(Object.keys(failed.json())).toEqual([...PLACE, 'created_mailbox', 'outcome', 'result']);
    expect(failed.json()).toMatchObject({
      outcome: 'failed',
      state: 'failed',
      result: expect.stringContaining('broken'),
    });
    expect(await refused.result).toMatchObject({ code: 77 });
    expect(await mb('tail', failed.json().id)).toMatchObject({ code: 1, err: expect.stringContaining('broken') });
    const events = (await mb('tail', failed.json().id, '--json')).out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string });
    expect(events.map((event) => event.type)).toEqual(['state', 'end']);
  });

  test('say reaches a running task, and waits as a chat otherwise', async () => {
    const { dir, mb } = await makeRoot();
    const id = (await mb('send', 'server', 'Hello\nsimulate: duration 3s')).out.trim();
    expect((await mb('say', id, 'early', '--json')).json()).toMatchObject({
      in_reply_to: id,
      task_state: 'inbox',
      mailbox: 'server',
    });
    const daemon = start({ cwd: dir }, 'start');
    await waitUntil(() => daemon.out.includes('early'), { what: 'the early words taken in' });
    expect(await mb('say', id, 'only the German feeds')).toMatchObject({
      code: 0,
      out: `said to ${id}, which is running\n`,
    });
    await waitUntil(() => daemon.out.includes('German'), { what: 'the words taken in' });
    const [running] = (await mb('progress', '--json')).json().running;
    expect(running).toMatchObject({
      id,
      mailbox: 'server',
      from: 'laptop',
      runner: 'simulator',
      alive: true,
      last_line: expect.any(String),
    });
    expect(Object.keys(running).toSorted()).toEqual([
      'alive',
      'from',
      'id',
      'last_line',
      'mailbox',
      'path',
      'runner',
      'running_ms',
      'session',
      'since',
      'subject',
      'worker',
    ]);
    expect((await mb('progress')).out).toContain('Hello');
    expect(await mb('cancel', id)).toMatchObject({ code: 0 });
    await waitUntil(() => daemon.out.includes('cancelled'), { what: 'the end told' });
    daemon.signal();
    expect((await daemon.result).code).toBe(0);
    expect((await mb('progress')).out).toContain('nothing is running');
  });
});

test('a terminal gets no escapes from a message; a pipe and JSON get every byte', async () => {
  const { dir, mb } = await makeRoot();
  const evil = 'a\u001b[2J\u001b]0;owned\u0007b\u009b31mc\u202ed\rpassword:';
  writeFileSync(join(dir, 'evil.md'), evil);
  const id = (await mb('send', 'server', '--file', 'evil.md', '--subject', 'x')).out.trim();
  const onTerminal = callsIn(dir, { tty: { stdout: true } });
  for (const command of [['show', id], ['list'], ['stats'], ['progress', '--once']]) {
    const { out } = await onTerminal(...command);
    expect(out, command.join(' ')).not.toMatch(/(?![\n\t])[\p{Cc}\u202e]/u);
  }
  expect((await mb('show', id)).out).toContain(evil);
  expect((await mb('show', id, '--json')).json().text).toBe(evil);
  const daemon = start({ cwd: dir, tty: { stdout: true }, stdin: openInput() }, 'start', '--once');
  expect((await daemon.result).out).not.toMatch(/(?![\n\t])[\p{Cc}\u202e]/u);
});
