import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MailboxError } from '../../src/core/errors.js';
import { createLogger, logDirOf, logFileOf } from '../../src/logging/logger.js';
import { prettyLine } from '../../src/logging/pretty.js';
import { readLastLines } from '../../src/logging/read-log.js';
import { testdir } from '../support/testdir.js';

function records(dir: string): Record<string, unknown>[] {
  return readFileSync(logFileOf(dir), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('a line is JSON with level, time and pid, in <root>/.mailboxd/logs/mailboxd.log', () => {
  const root = testdir();
  const log = createLogger({ dir: logDirOf(root), level: 'info' });
  log.debug('not asked for');
  log.child({ mailbox: 'server' }).info({ id: 'x1' }, 'claimed %s', 'it');
  const [record, ...rest] = records(join(root, '.mailboxd', 'logs'));
  expect(rest).toEqual([]);
  expect(record).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    pid: process.pid,
    mailbox: 'server',
    id: 'x1',
    msg: 'claimed it',
  });
});

test('a secret survives nowhere: message, arguments, fields, children, errors and their causes, deep data', () => {
  const dir = testdir();
  const key = 'sk-ant-api03-Zz9_swordfish-swordfish';
  const lines: string[] = [];
  const log = createLogger({ dir, level: 'trace', pretty: false, toTerminal: (line) => lines.push(line) });
  log.info(`key ${key}`);
  log.info('key %s', key);
  log.info('env %o', { ANTHROPIC_API_KEY: 'swordfish' });
  log.info({ env: { deep: { ANTHROPIC_API_KEY: 'swordfish', list: [{ password: 'swordfish' }] } } });
  log.child({ authorization: 'Bearer swordfish' }).warn('child');
  log.error(new Error(`401 for ${key}`, { cause: new Error(`bearer swordfish1`) }));
  log.error({ err: new MailboxError('failed', `ANTHROPIC_API_KEY=swordfish`, { hint: `https://u:swordfish@h` }) }, 'x');
  log.info({ [key]: 1 });
  const text = readFileSync(logFileOf(dir), 'utf8');
  expect(text.match(/swordfish/g)).toBeNull();
  expect(lines.join('')).toBe(text);
  expect(records(dir)).toHaveLength(8);
});

test('an error is logged with its code and hint', () => {
  const dir = testdir();
  createLogger({ dir, level: 'info' }).error({ err: new MailboxError('refused', 'no', { hint: 'ask' }) }, 'task');
  expect(records(dir)[0]).toMatchObject({
    level: 'error',
    err: { message: 'no', code: 'refused', hint: 'ask' },
    msg: 'task',
  });
});

test('one enormous line loses its fields, not the log its place', () => {
  const dir = testdir();
  createLogger({ dir, level: 'info' }).info({ output: 'x'.repeat(1_000_000) }, 'done');
  expect(records(dir)[0]).toMatchObject({ level: 'info', msg: 'done', cut: expect.stringContaining('characters') });
});

test('a log that cannot be written stops nothing', () => {
  const dir = testdir();
  mkdirSync(logFileOf(dir));
  const log = createLogger({ dir, level: 'info' });
  expect(() => log.info('kept')).not.toThrow();
  rmdirSync(logFileOf(dir));
  log.info('next');
  expect(records(dir).map(({ msg }) => msg)).toEqual(['kept', 'next']);
});

test('the last lines are read across a rotation', () => {
  const dir = testdir({ 'mailboxd.log.1': 'a\nb\n', 'mailboxd.log': 'c\n' });
  expect(readLastLines(dir, 2)).toEqual(['b', 'c']);
  expect(readLastLines(dir, 9)).toEqual(['a', 'b', 'c']);
  expect(readLastLines(dir, 0)).toEqual([]);
  expect(readLastLines(testdir(), 5)).toEqual([]);
});

test('for people: words, and no way for logged text to drive the terminal', () => {
  const line = JSON.stringify({
    level: 'warn',
    time: 'x',
    pid: 1,
    mailbox: 'server',
    subject: 'a b\u001b[2J',
    err: { message: 'no \u202e room', hint: 'free some', stack: 'long' },
    msg: 'claimed\nit',
  });
  expect(prettyLine(line)).toBe(
    'warn  claimed\\nit mailbox=server subject="a b\\u001b[2J" (no \\u202e room; free some)',
  );
  expect(prettyLine('not JSON \u001b')).toBe('not JSON \\u001b');
  expect(
    prettyLine(JSON.stringify({ level: 'info', time: '2026-01-01T00:00:00Z', msg: 'x' }), { color: true }),
  ).toMatch(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the colour is what is looked for
    /^\d\d:\d\d:\d\d \u001b\[32minfo \u001b\[39m x$/,
  );
});
