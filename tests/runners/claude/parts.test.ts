import fc from 'fast-check';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sessionArguments } from '../../../src/runners/claude/arguments.js';
import { createTranslator } from '../../../src/runners/claude/events.js';
import { plainText } from '../../../src/runners/claude/prompt.js';
import { asFields } from '../../../src/runners/claude/protocol.js';
import { type Evidence, judge } from '../../../src/runners/claude/verdict.js';
import { testdir } from '../../support/testdir.js';

describe('plain text', () => {
  const dir = testdir({ 'work/notes.md': '', 'work/deep/a b.md': '', 'secret.txt': '' });
  const cwd = join(dir, 'work');
  symlinkSync(join(dir, 'secret.txt'), join(cwd, 'link'));
  it.each([
    ['plain words', 'plain words'],
    ['/clear', ' /clear'],
    [
      'mail me@example.com about @types/node and @Injectable()',
      'mail me@example.com about @types/node and @Injectable()',
    ],
    ['see @notes.md and @./deep/x', 'see @notes.md and @./deep/x'],
    ['see @"deep/a b.md"', 'see @"deep/a b.md"'],
    ['see @/etc/passwd', 'see @ /etc/passwd'],
    ['see @~/.ssh/id', 'see @ ~/.ssh/id'],
    ['see @../secret.txt', 'see @ ../secret.txt'],
    ['see @deep/../../secret.txt.', 'see @ deep/../../secret.txt.'],
    ['see @"../secret.txt"', 'see @ "../secret.txt"'],
    ['see @link', 'see @ link'],
    ['see @link#L1-2', 'see @ link#L1-2'],
    ['see @link, please', 'see @ link, please'],
    ['see @C:\\secret', 'see @ C:\\secret'],
  ])('%j becomes %j', (text, expected) => {
    expect(plainText(text, [cwd])).toBe(expected);
  });

  it('leaves mentions of other allowed directories', () => {
    expect(plainText(`see @${dir}/secret.txt`, [cwd, dir])).toBe(`see @${dir}/secret.txt`);
  });
});

describe('session arguments', () => {
  it.each([
    ['a', false, undefined, ['--session-id=a']],
    ['a', true, undefined, ['--resume=a']],
    ['a', true, 'b', ['--resume=a']],
    ['a', false, 'a', ['--resume=a']],
    ['a', false, 'b', ['--resume=b', '--fork-session', '--session-id=a']],
  ])('%s %s %s', (session, resume, earlier, expected) => {
    expect(sessionArguments(session, resume, earlier)).toEqual(expected);
  });
});

describe('translator', () => {
  it('takes any object without a fault', () => {
    const types = fc.constantFrom('system', 'assistant', 'user', 'result', 'stream_event', 'rate_limit_event', 'new');
    const line = fc.record({
      type: types,
      subtype: fc.constantFrom('init', 'api_retry', 'status'),
      message: fc.anything(),
    });
    const any = fc.tuple(
      line,
      fc.dictionary(fc.constantFrom('event', 'session_id', 'errors', 'modelUsage'), fc.anything()),
    );
    fc.assert(
      fc.property(fc.array(any), (lines) => {
        const translator = createTranslator();
        for (const [fields, more] of lines) translator.take({ ...fields, ...more });
      }),
    );
  });

  const text = (value: string) => ({ type: 'text', text: value });
  it('tells text that was not streamed, and none twice', () => {
    const { take } = createTranslator();
    expect(take({ type: 'assistant', message: { id: 'm1', content: [text('whole')] } })).toMatchObject([
      { content: 'whole' },
    ]);
    take({ type: 'stream_event', event: { type: 'message_start', message: { id: 'm2' } } });
    take({ type: 'stream_event', event: { type: 'content_block_delta', delta: { type: 'text_delta', text: 'x' } } });
    expect(take({ type: 'assistant', message: { id: 'm2', content: [text('x')] } })).toEqual([]);
  });

  it('keeps what subagents say out of the answer, and two blocks of text apart', () => {
    const { take } = createTranslator();
    const delta = { type: 'content_block_delta', delta: { type: 'text_delta', text: 'inner' } };
    expect(take({ type: 'stream_event', parent_tool_use_id: 't1', event: delta })).toEqual([]);
    expect(take({ type: 'assistant', parent_tool_use_id: 't1', message: { content: [text('inner')] } })).toEqual([]);
    expect(take({ type: 'assistant', message: { content: [text('one'), text('two')] } })).toMatchObject([
      { content: 'one' },
      { content: '\n\ntwo' },
    ]);
  });
});

describe('verdict', () => {
  const evidence = (result: unknown, more: Partial<Evidence> = {}): Evidence => ({
    ...{ result: asFields(result), apiError: undefined, limit: undefined, exit: { code: 1, signal: null }, stderr: '' },
    ...{ validate: undefined, ...more },
  });
  const error = (result: string, status?: number) => ({
    is_error: true,
    subtype: 'success',
    result,
    api_error_status: status,
  });
  it.each([
    [
      'an old usage limit',
      evidence(error('Claude AI usage limit reached|1755615600')),
      { kind: 'parked', reason: 'usage_limit', until: 1_755_615_600_000 },
    ],
    [
      'a new one without its event',
      evidence(error("You've hit your session limit · resets 6pm (UTC)", 429)),
      { kind: 'parked', reason: 'usage_limit' },
    ],
    [
      'busy servers',
      evidence(error('API Error: Server is temporarily limiting requests (not your usage limit)', 429), {
        limit: { until: undefined },
      }),
      { kind: 'failed', retry: true },
    ],
    ['an invalid key', evidence(error('Invalid API key · Please run /login')), { kind: 'parked', reason: 'login' }],
    [
      'an answer that only mentions a limit',
      evidence({ is_error: false, result: 'usage limit reached|1755615600' }),
      { kind: 'complete' },
    ],
    ['a bad request', evidence(error('API Error: 400', 400)), { kind: 'failed', retry: false }],
    ['a server error', evidence(error('API Error: 500', 500)), { kind: 'failed', retry: true }],
    [
      'an unknown option',
      evidence(undefined, { stderr: "error: unknown option '--x'" }),
      { kind: 'failed', retry: false },
    ],
    [
      'a crash',
      evidence(undefined, { exit: { code: null, signal: 'SIGSEGV' } }),
      { kind: 'failed', retry: true, error: { code: 'exit' } },
    ],
    [
      'a missing output',
      evidence({ is_error: false, result: 'x' }, { validate: () => undefined }),
      { kind: 'failed', error: { code: 'output_schema' } },
    ],
    [
      'a wrong output',
      evidence({ is_error: false, structured_output: 1 }, { validate: () => 'too small' }),
      { kind: 'failed', error: { message: 'too small' } },
    ],
  ])('%s', (_, given, expected) => {
    expect(judge(given)).toMatchObject(expected);
  });
});
