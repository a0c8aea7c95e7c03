import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { CommandConfig } from '../../src/core/config.js';
import { createCommandRunner } from '../../src/runners/command/index.js';
import type { Outcome, RunRequest } from '../../src/runners/port.js';
import { findTagged } from '../../src/runners/process/index.js';
import { testdir } from '../support/testdir.js';
import { waitUntil } from '../support/wait-until.js';
import { makeRequest, runnerContract, startRecorded, textOf } from './contract.js';

const programs = join(import.meta.dirname, '../fixtures/programs');
const environment = { PATH: process.env['PATH'], HOME: tmpdir(), SECRET: 'not for programs', LC_ALL: 'C.UTF-8' };

function runnerOf(argv: string[] | undefined, more: Partial<CommandConfig> = {}) {
  return createCommandRunner({ argv, output: 'text', env: {}, ...more }, { environment });
}
const speak = [join(programs, 'speak.sh')];
const events = [join(programs, 'events.mjs')];
const glyphs = 'äöü €uro 🦜🌍 漢字 e\u0301';
const longer = Array.from({ length: 20 }, () => glyphs).join(' ');

runnerContract('command', () => runnerOf(speak), {
  answer: { prompt: 'answer It is done.', contains: 'It is done.' },
  fail: { prompt: 'fail the disk is full', contains: 'exited with 3: the disk is full' },
  last: { prompt: 'last' },
  unicode: { prompt: `answer ${longer}`, contains: longer },
  huge: { prompt: 'huge', most: 4 * 1024 * 1024 + 100 },
  broken: () => runnerOf(['no-such-program']),
});

runnerContract('command with JSON output', () => runnerOf(events, { output: 'json' }), {
  answer: {
    prompt: '{"type":"progress","content":"It is "}\n{"type":"RESULT","result":"It is done."}',
    contains: 'done',
  },
  fail: { prompt: '{"type":"Error","code":"oops","message":"the disk is full"}', contains: 'the disk is full' },
  last: { prompt: '{"type":"progress","content":"begun"}\nwait' },
  unicode: { prompt: JSON.stringify({ type: 'progress', content: longer }), contains: longer },
  huge: { prompt: Array.from({ length: 8 }, () => 'long 1000000').join('\n'), most: 4 * 1024 * 1024 + 100 },
  tool: {
    prompt:
      '{"type":"tool_use","id":"t1","tool":"ls","args":{"all":true}}\n{"type":"ToolUse","id":"t1","name":"ls","output":"a b"}',
  },
  broken: () => runnerOf(undefined, { output: 'json' }),
});

describe('command', () => {
  let cwd: string;
  beforeEach(() => {
    cwd = testdir();
  });

  async function runText(prompt: string, fields: Partial<RunRequest> = {}, config: Partial<CommandConfig> = {}) {
    const record = startRecorded(runnerOf(config.argv ?? speak, config), makeRequest(cwd, { prompt, ...fields }));
    return { ...record, outcome: await record.outcome };
  }

  it('streams text as it comes', async () => {
    const record = startRecorded(runnerOf(speak), makeRequest(cwd, { prompt: 'last' }));
    await waitUntil(() => textOf(record.events) === 'begun\n', { what: 'the first text' });
    expect(record.pids).toHaveLength(1);
    await record.run.stop();
  });

  it('keeps characters whole that come one byte at a time', async () => {
    const { outcome, events: told } = await runText(glyphs, {}, { argv: [join(programs, 'drip.mjs')] });
    expect(outcome).toMatchObject({ kind: 'complete', result: glyphs });
    expect(textOf(told)).toBe(glyphs);
  });

  it('tells the task in the environment, and nothing of the daemon', async () => {
    const { outcome } = await runText(
      'env',
      {
        messageId: 'm1',
        epoch: 3,
        attachments: ['/a/one', '/a/two'],
        traceparent: '00-abc-def-01',
        options: { model: 'large', max_turns: 3, allowed_tools: ['Read', 'Edit'], output_format: 'text' },
      },
      { env: { KEY: 'from config', MAILBOXD_RUN: 'not this' } },
    );
    const lines = outcome.kind === 'complete' ? outcome.result.split('\n') : [];
    for (const line of [
      ...['MAILBOXD_ID=m1', 'MAILBOXD_EPOCH=3', 'MAILBOXD_ATTACHMENTS=/a/one', '/a/two', 'TRACEPARENT=00-abc-def-01'],
      ...['MAILBOXD_MODEL=large', 'MAILBOXD_MAX_TURNS=3', 'MAILBOXD_ALLOWED_TOOLS=Read', 'Edit', 'KEY=from config'],
      'LC_ALL=C.UTF-8',
    ]) {
      expect(lines).toContain(line);
    }
    expect(lines.find((line) => line.startsWith('MAILBOXD_RUN='))).not.toContain('not this');
    expect(lines.join('\n')).not.toContain('SECRET');
  });

  it('makes no variable of a key that a message made up', async () => {
    const options = JSON.parse('{"root":"/evil","id":"x","run":"y","ld_preload":"z"}') as RunRequest['options'];
    const { outcome } = await runText('env', { options, messageId: 'm1' });
    expect(outcome).toMatchObject({ result: expect.stringContaining('MAILBOXD_ID=m1') });
    expect(outcome).toMatchObject({ result: expect.not.stringMatching(/evil|MAILBOXD_ROOT|PRELOAD/) });
  });

  it('runs in the task’s directory', async () => {
    expect((await runText('pwd')).outcome).toMatchObject({ kind: 'complete', result: cwd });
  });

  it('judges by the exit code', async () => {
    const kinds: Outcome[] = [];
    for (const prompt of ['busy', 'die', 'fail ', 'unknown']) kinds.push((await runText(prompt)).outcome);
    expect(kinds).toMatchObject([
      {
        kind: 'failed',
        retry: true,
        error: { code: 'exit', message: expect.stringMatching(/75 \(a temp.*: try again later$/) },
      },
      { kind: 'failed', retry: true, error: { code: 'signal', message: expect.stringContaining('SIGKILL') } },
      { kind: 'failed', retry: true, error: { message: 'speak.sh exited with 3, with nothing on stderr' } },
      { kind: 'failed', retry: true, error: { message: expect.stringContaining('no such word: unknown') } },
    ]);
  });

  it('ends what a finished program left behind, in its group and out of it', async () => {
    const { outcome, request } = await runText('leave');
    expect(outcome).toMatchObject({ kind: 'complete', result: 'left' });
    expect(findTagged(request.session)).toEqual([]);
  });

  it('insists where SIGTERM is ignored', { timeout: 10_000 }, async () => {
    const record = startRecorded(runnerOf(speak), makeRequest(cwd, { prompt: 'stubborn' }));
    await waitUntil(() => textOf(record.events) !== '', { what: 'the trap' });
    await record.run.stop();
    expect(findTagged(record.request.session)).toEqual([]);
    expect(await record.outcome).toMatchObject({ kind: 'stopped' });
  });

  it('takes a huge prompt, and a program that does not read it', async () => {
    const prompt = `answer ${'x'.repeat(3_000_000)}`;
    const cat = await runText(prompt, {}, { argv: ['cat'] });
    expect(cat.outcome).toMatchObject({ kind: 'complete', result: prompt });
    const deaf = await runText(prompt, {}, { argv: ['true'] });
    expect(deaf.outcome).toMatchObject({ kind: 'complete', result: '' });
  });

  it('never takes a program from the task’s directory', async () => {
    mkdirSync(join(cwd, 'bin'));
    writeFileSync(join(cwd, 'bin/tool'), '#!/bin/sh\ntouch ran\n');
    chmodSync(join(cwd, 'bin/tool'), 0o755);
    const relative = await runText('x', {}, { argv: ['./bin/tool'] });
    const onPath = await runText('x', {}, { argv: ['tool'], env: { PATH: 'bin' } });
    expect([relative.outcome, onPath.outcome]).toMatchObject([
      { kind: 'parked', reason: 'unavailable' },
      { kind: 'parked', reason: 'unavailable' },
    ]);
    expect(existsSync(join(cwd, 'ran'))).toBe(false);
  });

  it('says what is wrong with options that are too long to pass', async () => {
    const { outcome } = await runText('env', { options: { system_prompt: 'x'.repeat(3_000_000) } });
    expect(outcome).toMatchObject({ kind: 'failed', retry: false, error: { code: 'spawn', hint: /too long/ } });
  });

  it('reads structured output from the answer', async () => {
    const options = { output_schema: { type: 'object', required: ['a'] } };
    expect((await runText('answer {"a":[1]}', { options })).outcome).toMatchObject({ structured_output: { a: [1] } });
    expect((await runText('answer no', { options })).outcome).toMatchObject({
      kind: 'failed',
      error: { code: 'output_schema', message: expect.stringContaining('"no"') },
    });
    expect((await runText('answer {"b":1}', { options })).outcome).toMatchObject({
      kind: 'failed',
      error: { code: 'output_schema', message: expect.stringContaining('a') },
    });
  });

  describe('JSON lines', () => {
    const runJson = (lines: string[]) => runText(lines.join('\n'), {}, { argv: events, output: 'json' });

    it('become events; others stay in the record', async () => {
      const {
        outcome,
        events: told,
        raw,
      } = await runJson([
        '{"type":"start","session_id":"s","model":"large"}',
        'a plain line',
        '{"type":"progress","kind":"status","content":"thinking"}',
        '{"type":"unheard-of","x":1}',
        '{"type":"progress","content":"one "}',
        '[1,2]',
        '{broken',
        '{"type":"result","result":"first turn","turns":1}',
        '{"type":"result","result":"done","turns":2,"cost_usd":0.5,"tokens_in":7,"tokens_out":-9}',
      ]);
      expect(told.map((event) => event.type)).toEqual(['Start', 'Progress', 'Progress', 'Result', 'Result']);
      expect(outcome).toMatchObject({ kind: 'complete', result: 'done' });
      expect(outcome.stats).toMatchObject({ model: 'large', turns: 2, cost_usd: 0.5, tokens_in: 7 });
      expect(outcome.stats.tokens_out).toBeUndefined();
      expect(raw).toContain('{"type":"stdout","text":"a plain line"}');
      expect(raw).toContain('{"type":"stdout","text":"{broken"}');
      for (const line of raw) expect(JSON.parse(line)).toBeTypeOf('object');
    });

    it('without a result are answered by their text', async () => {
      const { outcome } = await runJson([
        '{"type":"progress","content":"one "}',
        '{"type":"progress","content":"two"}',
      ]);
      expect(outcome).toMatchObject({ kind: 'complete', result: 'one two' });
    });

    it('cannot make a failed exit complete', async () => {
      expect((await runJson(['{"type":"result","result":"done"}', 'exit 1'])).outcome).toMatchObject({
        kind: 'failed',
      });
    });

    it('can hold the mailbox, and can say that another attempt is no use', async () => {
      const limit = '{"type":"error","code":"usage_limit","message":"come back","until":"2030-01-01T00:00:00Z"}';
      expect((await runJson([limit, 'exit 1'])).outcome).toMatchObject({
        kind: 'parked',
        reason: 'usage_limit',
        until: Date.UTC(2030, 0, 1),
      });
      const never = '{"type":"error","code":"bad_input","message":"no","retry":false}';
      expect((await runJson([never])).outcome).toMatchObject({
        kind: 'failed',
        retry: false,
        error: { code: 'bad_input' },
      });
    });

    it('of any length fill no memory', async () => {
      const { outcome } = await runJson(['long 30000000', '{"type":"result","result":"done"}']);
      expect(outcome).toMatchObject({ kind: 'complete', result: 'done' });
    });
  });
});
