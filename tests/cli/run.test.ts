import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createTaker } from '../../src/cli/run/recorded-events.js';
import { parseTurn } from '../../src/cli/run/turns.js';
import { waitUntil } from '../support/wait-until.js';
import { callsIn, type Json, makeRoot, openInput, start } from './harness.js';

const inbox = (dir: string): string[] =>
  readdirSync(join(dir, 'mailboxes', 'laptop', 'inbox')).filter((name) => name.endsWith('.md'));
const events = (out: string): Json[] =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Json);

describe('run', () => {
  test('puts the turns of a pipe into one task and prints its events', async () => {
    const { dir } = await makeRoot();
    const stdin = [
      '{"type":"user","message":"Create a counter\\nsimulate: duration 600ms"}',
      'not json',
      '',
      '{"type":"user","message":{"role":"user","content":[{"type":"text","text":"Add a reset"}]}}',
      '{"type":"system","message":"Errors first"}',
      '',
    ].join('\n');
    const { code, out, err } = await callsIn(dir, { stdin })(
      'run',
      '--input-format',
      'stream-json',
      '--output-format',
      'stream-json',
      '--verbose',
    );
    expect(code, err).toBe(0);
    expect(err).toContain('line 2 is skipped: found "not json"');
    const told = events(out);
    expect(told[0]).toEqual({
      type: 'Start',
      session_id: expect.any(String),
      model: 'simulator',
      message_id: expect.any(String),
    });
    expect(new Set(told.map((event) => event.message_id)).size).toBe(1);
    expect(told.filter((event) => event.kind === 'receipt')).toHaveLength(2);
    const result = told.at(-1);
    expect(result).toMatchObject({ type: 'Result', result: expect.stringContaining('Add a reset') });
    expect(result.result).toContain('Guidance');
    expect(inbox(dir)).toEqual([]);
  });

  test('goes on with the same session when a turn comes after the end', async () => {
    const { dir } = await makeRoot();
    const stdin = openInput();
    const call = start({ cwd: dir, stdin }, 'run', '--output-format', 'text');
    stdin.write('{"type":"user","message":"one"}\n');
    await waitUntil(() => call.out.includes('“one”'), { what: 'the first answer' });
    stdin.end('{"type":"user","message":"two"}\n');
    const { code, out, err } = await call.result;
    expect(code, err).toBe(0);
    expect(out).toMatch(/session \S+ was resumed[\s\S]*“two”/);
  });

  test('runs only its own task, and leaves the others waiting', async () => {
    const { dir, mb } = await makeRoot();
    await mb('send', 'laptop', 'not mine');
    expect((await callsIn(dir, { stdin: '{"type":"user","message":"mine"}' })('run')).code).toBe(0);
    expect(inbox(dir)).toHaveLength(1);
  });

  test('leaves the work to a daemon that serves the mailbox', async () => {
    const { dir } = await makeRoot();
    const daemon = start({ cwd: dir }, 'start');
    await waitUntil(() => daemon.out.includes('Ctrl-C stops'), { what: 'the daemon' });
    expect((await callsIn(dir, { stdin: '{"type":"user","message":"theirs"}' })('run')).code).toBe(0);
    expect(daemon.out).toContain('theirs');
    daemon.signal();
    await daemon.result;
  });

  test('exits by the outcome', async () => {
    const { dir } = await makeRoot();
    const run = (text: string, ...more: string[]) => callsIn(dir, { stdin: text })('run', ...more);
    const failed = await run('{"type":"user","message":"simulate: fail broken"}', '--max-attempts', '1');
    expect(failed.code).toBe(1);
    expect(events(failed.out).at(-1)).toMatchObject({ type: 'Error' });
    expect((await run('{"type":"user","message":"x"}', '--model', 'forbidden')).code).toBe(77);
    expect((await run('hello', '--input-format', 'text', '--output-format', 'text')).out).toContain('“hello”');
    expect(await run('')).toMatchObject({ code: 64, err: expect.stringContaining('found no turn') });
    expect((await run('nonsense\n')).code).toBe(64);
    const parked = await run('{"type":"user","message":"x"}', '--runner', 'claude');
    expect(parked).toMatchObject({ code: 69 });
    expect(events(parked.out).at(-1)).toMatchObject({ type: 'Error', code: 'parked' });
    expect(inbox(dir)).toHaveLength(1);
  });

  test('stops its task at an interrupt and at a signal', async () => {
    const { dir } = await makeRoot();
    const stdin = openInput();
    const call = start({ cwd: dir, stdin }, 'run');
    stdin.write('{"type":"user","message":"simulate: hang"}\n');
    await waitUntil(() => call.out.includes('simulated run'), { what: 'output' });
    stdin.write('{"type":"control_request","request_id":"1","request":{"subtype":"interrupt"}}\n');
    await waitUntil(() => call.out.includes('"cancelled"'), { what: 'the end' });
    stdin.write('{"type":"user","message":"simulate: hang"}\n');
    await waitUntil(() => call.err.split('task ').length > 2, { what: 'the second task' });
    call.signal();
    expect((await call.result).code).toBe(1);
  });
});

test.each([
  ['{"type":"user","message":"a"}', { kind: 'say', text: 'a' }],
  ['{"type":"user","message":{"role":"user","content":"a"}}', { kind: 'say', text: 'a' }],
  [
    '{"type":"user","message":{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}}',
    { kind: 'say', text: 'a\n\nb' },
  ],
  ['{"type":"system","message":"a"}', { kind: 'say', text: expect.stringMatching(/^Guidance[^\n]*\n\na$/) }],
  ['{"type":"control_request","request":{"subtype":"interrupt"}}', { kind: 'interrupt' }],
  ['  ', { kind: 'empty' }],
  ['{', { kind: 'malformed', why: expect.stringContaining('no JSON') }],
  ['[]', { kind: 'malformed', why: expect.stringContaining('no object') }],
  ['null', { kind: 'malformed', why: expect.any(String) }],
  ['{"type":"user"}', { kind: 'malformed', why: expect.stringContaining('found no text') }],
  ['{"type":"user","message":{"role":"assistant","content":"a"}}', { kind: 'malformed', why: expect.any(String) }],
  ['{"type":"user","message":{"content":[{"type":"image"}]}}', { kind: 'malformed', why: expect.any(String) }],
  ['{"type":"result"}', { kind: 'malformed', why: expect.stringContaining('"result"') }],
])('the turn %s', (line, turn) => {
  expect(parseTurn(line)).toEqual(turn);
});

test('the records of every runner become the five kinds of event', () => {
  const take = createTaker();
  const all = [
    '{"type":"system","subtype":"init","session_id":"s","model":"m"}',
    '{"type":"user","uuid":"1","message":{"role":"user","content":"our own words"}}',
    '{"type":"assistant","message":{"id":"1","content":[{"type":"text","text":"hello"}]}}',
    '{"type":"result","subtype":"success","is_error":false,"result":"hello","session_id":"s"}',
    '{"type":"stdout","text":"from a program"}',
    '{"type":"stderr","text":"noise"}',
    '{"type":"Progress","kind":"text","content":"simulated"}',
    'no json',
    '7',
  ].flatMap((line) => take(line));
  expect(all.map((event) => event.type)).toEqual(['Start', 'Progress', 'Result', 'Progress', 'Progress']);
});
