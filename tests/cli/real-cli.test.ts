import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { claudeCli, isolatedEnvironment } from '../support/claude-cli.js';
import { pieces, type Rule, startMessagesApi } from '../support/messages-api/server.mjs';
import { waitUntil } from '../support/wait-until.js';
import { callsIn, type Json, makeRoot, openInput, start } from './harness.js';

/** A root whose tasks the real CLI runs, and an API that answers it from a script. */
async function makeReal(script: Rule[]) {
  const api = await startMessagesApi(script);
  const { dir } = await makeRoot();
  const path = join(dir, '.mailboxd', 'config.yaml');
  const config = readFileSync(path, 'utf8').replace('runner: simulator', 'runner: claude');
  writeFileSync(path, config.replace(/^( *)#path: .*$/m, `$1path: ${JSON.stringify(claudeCli())}`));
  return { api, dir, env: { ...isolatedEnvironment(join(dir, 'home'), api.url), CLAUDE_MOCK_TEST: '' } };
}

test('real CLI: run puts a turn into the running task and prints what it did as events', async () => {
  const { api, dir, env } = await makeReal([
    { reply: { text: pieces('A counter, made slowly. ', 4), pace: 100 } },
    { when: 'reset', reply: { text: 'With a reset.' } },
  ]);
  await using _api = api;
  const stdin = openInput();
  const call = start({ cwd: dir, env, stdin }, 'run');
  stdin.write('{"type":"user","message":"Create a counter"}\n');
  await waitUntil(() => call.out.includes('"text"'), { timeout: 20_000, what: 'the first words' });
  stdin.end('{"type":"user","message":{"role":"user","content":"Add a reset"}}\n');
  const { code, out, err } = await call.result;
  expect(code, err).toBe(0);
  const events = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Json);
  expect(events[0]).toMatchObject({ type: 'Start', session_id: expect.any(String), message_id: expect.any(String) });
  expect(events.filter(({ type }) => type === 'Result').map(({ result }) => result)).toEqual([
    'A counter, made slowly. ',
    'With a reset.',
  ]);
  expect(api.requests).toHaveLength(2);
}, 60_000);

test('real CLI: start --once answers a dropped file, and doctor finds the login', async () => {
  const { api, dir, env } = await makeReal([{ times: Infinity, reply: { text: 'Hello from the real CLI.' } }]);
  await using _api = api;
  writeFileSync(join(dir, 'mailboxes', 'server', 'inbox', 'hello.md'), 'Say hello');
  const mb = callsIn(dir, { env });
  const { code, out } = await mb('start', '--once');
  expect(code, out).toBe(0);
  expect(out).toMatch(/runner: claude: claude \d+\.\d+\.\d+, signed in by ANTHROPIC_API_KEY/);
  const file = readFileSync(join(dir, 'mailboxes', 'server', 'complete', 'hello.md'), 'utf8');
  expect(file).toMatch(/---\nSay hello\n+<!-- run 1[\s\S]*## Result\n\nHello from the real CLI\.\n$/);
  const { findings } = (await mb('doctor', '--probe', '--json')).json();
  const levels = Object.fromEntries(findings.map((finding: Json) => [finding.check, finding.level]));
  expect(levels).toMatchObject({ 'runner claude': 'ok', login: 'ok' });
}, 60_000);
