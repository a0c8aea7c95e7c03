import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { COMMANDS, nameOfCommand } from '../../src/cli/command-list.js';
import { EXIT, EXIT_OF_ERROR, exitOfOutcome } from '../../src/cli/exit-codes.js';
import { restOf } from '../../src/cli/follow-output.js';
import { safeLine, safeText } from '../../src/cli/terminal-text.js';
import { testdir } from '../support/testdir.js';
import { callsIn, makeRoot } from './harness.js';

const document = readFileSync(fileURLToPath(new URL('../../docs/cli.md', import.meta.url)), 'utf8');

describe('wrong usage', () => {
  test.each([
    [[], 'found no command'],
    [['sned', 'x'], 'did you mean send?'],
    [['frobnicate'], 'mailboxd --help lists the commands'],
    [['list', '--jsno'], 'did you mean --json?'],
    [['list', '--limit'], 'limit'],
    [['list', '--frobnicate'], 'found the option --frobnicate, which is none'],
    [['list', 'a', 'b'], 'found "b" where no argument is expected'],
    [['send'], 'found 0 arguments, expected at least 1'],
    [['send', 'server', 'x', '--from', 'a', '--from', 'b'], 'found --from 2 times'],
    [['send', 'server', 'x', '--priority', 'hgih'], 'Choices'],
    [['send', 'server', 'x', '--not-before', 'soon'], 'expected a time such as'],
    [['send', 'server', 'x', '--max-turns', '1e3'], 'expected a whole number'],
    [['send', 'server', 'x', '--metadata', 'novalue'], 'expected key=value'],
    [['send', 'server', 'x', '--timeout', 'soon'], 'timeout'],
    [['completion', 'tcsh'], 'tcsh'],
    [['start', '--mailbox', '../x'], '../x'],
  ])('%j', async (argv, said) => {
    const { mb } = await makeRoot();
    const { code, out, err } = await mb(...argv);
    expect({ code, out }).toEqual({ code: 64, out: '' });
    expect(err).toMatch(/^mailboxd: /);
    expect(err).toContain(said);
  });

  test('with --json, stdout is an object that says it too', async () => {
    const { mb } = await makeRoot();
    const { code, out, err } = await mb('show', 'nothing', '--json');
    expect(code).toBe(3);
    expect(JSON.parse(out)).toEqual({
      error: { code: 'not_found', message: 'found no message "nothing"', hint: expect.any(String) },
    });
    expect(err).toMatch(/^mailboxd: found no message "nothing"\n {2}/);
  });

  test('an error about a hostile name drives no terminal', async () => {
    const { mb } = await makeRoot();
    expect((await mb('show', '\u001b[2J\u0007evil')).err).not.toMatch(/(?!\n)\p{Cc}/u);
  });
});

describe('the root', () => {
  test('is --root, else MAILBOXD_ROOT, else the nearest parent with mailboxes/', async () => {
    const { dir } = await makeRoot();
    const { dir: other } = await makeRoot();
    const deep = join(dir, 'a', 'b');
    mkdirSync(deep, { recursive: true });
    const sentTo = async (cwd: string, env: NodeJS.ProcessEnv, ...more: string[]): Promise<string> =>
      (await callsIn(cwd, { env })('send', 'server', 'x', '--json', ...more)).json().path ?? '';
    expect(await sentTo(deep, {})).toMatch(dir);
    expect(await sentTo(deep, { MAILBOXD_ROOT: other })).toMatch(other);
    expect(await sentTo(deep, { MAILBOXD_ROOT: other }, '--root', '../..')).toMatch(dir);
    expect(await callsIn(testdir())('list')).toMatchObject({ code: 3, err: expect.stringContaining('mailboxd init') });
    expect(await callsIn(dir)('list', '--root', 'nowhere')).toMatchObject({ code: 3 });
  });

  test('with a configuration that cannot be used is wrong usage, for every command alike', async () => {
    const dir = testdir({ 'mailboxes/server/inbox/x.md': 'x', '.mailboxd/config.yaml': 'limits: { timeout: soon }\n' });
    for (const argv of [['list'], ['send', 'server', 'x'], ['start', '--once'], ['show', 'x'], ['run']]) {
      expect(await callsIn(dir)(...argv), argv.join(' ')).toMatchObject({
        code: 64,
        err: expect.stringContaining('limits.timeout'),
      });
    }
  });
});

test('--version and --help', async () => {
  const mb = callsIn(testdir());
  expect((await mb('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  const { code, out } = await mb('--help');
  expect(code).toBe(0);
  for (const entry of COMMANDS) expect(out).toContain(entry.summary);
  for (const entry of COMMANDS) {
    const help = await mb(nameOfCommand(entry), '--help');
    expect(help, entry.usage).toMatchObject({ code: 0, err: '', out: expect.stringContaining('--root') });
  }
});

test('exit codes are one table', () => {
  expect(EXIT).toEqual({
    done: 0,
    failed: 1,
    waiting: 2,
    notFound: 3,
    held: 4,
    usage: 64,
    unavailable: 69,
    refused: 77,
  });
  expect(EXIT_OF_ERROR).toEqual({
    usage: 64,
    invalid: 64,
    ambiguous: 64,
    not_found: 3,
    conflict: 4,
    refused: 77,
    unavailable: 69,
    failed: 1,
  });
  expect(['complete', 'acknowledged', 'failed', 'cancelled', 'refused'].map(exitOfOutcome)).toEqual([0, 0, 1, 1, 77]);
  for (const code of Object.values(EXIT)) expect(document).toMatch(new RegExp(`^\\| ${code} \\|`, 'm'));
});

describe('docs/cli.md', () => {
  test('has a section for each command, in the order of the list', () => {
    const sections = [...document.matchAll(/^### `mailboxd ([^`]*)`$/gm)].map((match) => match[1]);
    expect(sections).toEqual(COMMANDS.map((entry) => entry.usage));
  });

  test('shows an example and the exit codes of each, and every option', async () => {
    for (const entry of COMMANDS) {
      const { command } = await entry.load();
      const section = document.split(`### \`mailboxd ${entry.usage}\`\n`)[1]?.split(/^##/m)[0] ?? '';
      expect(section, entry.usage).toMatch(/^ {4}\S|^```sh$/m);
      expect(section, entry.usage).toMatch(/Exits? /);
      for (const option of Object.keys(command.options))
        expect(section, `${entry.usage} --${option}`).toContain(`--${option}`);
      if (command.json) expect(section, entry.usage).toContain('--json');
    }
  });
});

test('text for a terminal', () => {
  expect(safeText('a\u001b[31mb\u001b]8;;http://x\u0007c\u001b\\d\u0000e\u202ef\r\ng\th')).toBe('abcdef\ng\th');
  expect(safeText('\u001b]0;title without an end\nnext')).toBe('\nnext');
  expect(safeText('\u001bPdcs\u001b\\x\u001b(By')).toBe('xy');
  expect(safeLine(' a\n\tb ')).toBe('a b');
  expect(safeText('日本語 é ✓')).toBe('日本語 é ✓');
});

test.each([
  ['', 'answer', 'answer\n'],
  ['status\n', 'answer', '\nanswer\n'],
  ['the answer', 'the answer', ''],
  ['so: the ans', 'the answer', 'wer'],
  ['the answer\n', 'the answer', ''],
  ['x', '', ''],
])('what of an answer is left after %j: %j → %j', (shown, result, rest) => {
  expect(restOf(shown, result)).toBe(rest);
});
