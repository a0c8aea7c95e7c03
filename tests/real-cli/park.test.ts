import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readParked } from '../../src/mailbox/parked.js';
import { storeToken } from '../../src/runners/claude/index.js';
import type { TestDaemon } from '../support/daemon.js';
import { overloaded, unauthorized, usageLimit } from '../support/messages-api/server.mjs';
import { waitUntil } from '../support/wait-until.js';
import { bash, dropTask, ended, frontOf, makeScene, PATIENCE, type Scene } from './harness.js';

let scene: Scene;
let daemon: TestDaemon;

beforeEach(async () => {
  scene = await makeScene({ yaml: 'limits: { cost_per_day: 0.5 }' });
  daemon = await scene.startDaemon();
});
afterEach(async () => {
  await daemon[Symbol.asyncDispose]();
  await scene.api.close();
});

/** What `mailboxd login` does at its end. */
function ring(): void {
  const bell = join(scene.root, '.mailboxd', 'bell');
  writeFileSync(bell, '');
  utimesSync(bell, new Date(), new Date());
}

/** How server was parked, and its task, which is back in the inbox. */
async function parked(name: string) {
  const event = await daemon.event('parked', undefined, PATIENCE);
  await daemon.event('handed back', name);
  return { parked: event.parked, text: await ended(scene, 'inbox', name) };
}

it('real CLI: not logged in parks the mailbox, the task waits untouched, and runs at once after the login', async () => {
  delete scene.environment['ANTHROPIC_API_KEY'];
  scene.script('who-am-i', { text: 'Logged in.' });
  dropTask(scene, 'login.md', 'who-am-i\r\n  and who are you?');
  const { parked: item, text } = await parked('login.md');
  expect(item).toMatchObject({ mailbox: 'server', reason: 'login', message: expect.stringContaining('Not logged in') });
  await waitUntil(() => readParked(scene.root).length > 0, { what: 'parked.json' });
  expect(text).toMatch(/\r\n---\r\nwho-am-i\r\n {2}and who are you\?$/);
  expect(frontOf(text).attempts).toBeUndefined();
  expect(frontOf(text).runs).toBeUndefined();
  expect(scene.requestsOf('who-am-i')).toEqual([]);

  await storeToken('sk-ant-oat01-a-token-for-a-test', scene.environment);
  ring();
  const done = await ended(scene, 'complete', 'login.md');
  expect(done).toMatch(/## Result\r?\n\r?\nLogged in\./);
  expect(frontOf(done).attempts).toBeUndefined();
  await daemon.event('unparked');
  await waitUntil(() => readParked(scene.root).length === 0, { what: 'no parked.json' });
});

it('real CLI: a usage limit parks the mailbox until it lifts, then the task goes on', async () => {
  delete scene.environment['ANTHROPIC_API_KEY'];
  scene.environment['CLAUDE_CODE_OAUTH_TOKEN'] = 'sk-ant-oat01-a-token-for-a-test'; // only subscriptions have such limits
  let resets = 0;
  scene.script(
    'use-it-all-up',
    () => {
      resets = Math.ceil(Date.now() / 1_000) + 2;
      return usageLimit(resets);
    },
    { text: 'There is more.' },
  );
  dropTask(scene, 'limit.md', 'use-it-all-up');
  const { parked: item, text } = await parked('limit.md');
  expect(item).toMatchObject({ reason: 'usage_limit', next_try: new Date(resets * 1_000).toISOString() });
  expect(text).toMatch(/\n---\nuse-it-all-up/);
  expect(frontOf(text).attempts).toBeUndefined();
  const done = await ended(scene, 'complete', 'limit.md');
  expect(done).toMatch(/## Result\n\nThere is more\.\n$/);
  expect(frontOf(done).attempts).toBeUndefined();
  const times = scene.requestsOf('use-it-all-up').map(({ at }) => at);
  expect(times).toHaveLength(2);
  expect(times[1]).toBeGreaterThanOrEqual(resets * 1_000);
});

it('real CLI: a refused key (401) parks the mailbox after the second refusal', async () => {
  scene.environment['ANTHROPIC_API_KEY'] = 'sk-refused';
  scene.script('open-the-door', (request) =>
    request.headers['x-api-key'] === 'sk-accepted' ? { text: 'Come in.' } : unauthorized,
  );
  dropTask(scene, 'key.md', 'open-the-door');
  const { parked: item, text } = await parked('key.md');
  expect(item).toMatchObject({ reason: 'login', message: expect.stringContaining('401') });
  expect(text).toMatch(/\n---\nopen-the-door/);
  expect(frontOf(text).attempts).toBeUndefined();
  expect(scene.requestsOf('open-the-door').length).toBeLessThanOrEqual(3);

  scene.environment['ANTHROPIC_API_KEY'] = 'sk-accepted';
  ring();
  const done = await ended(scene, 'complete', 'key.md');
  expect(done).toMatch(/## Result\n\nCome in\.\n$/);
  expect(frontOf(done).attempts).toBeUndefined();
});

it('real CLI: an overloaded API (529) is waited for, and the file says so', async () => {
  scene.script('are-you-busy', overloaded, { text: 'Not any more.' });
  dropTask(scene, 'busy.md', 'are-you-busy');
  const done = await ended(scene, 'complete', 'busy.md');
  expect(done).toMatch(/> _the API answered overloaded \(529\); try 1 of \d+ in [\d.]+s_\n/);
  expect(done).toMatch(/## Result\n\nNot any more\.\n$/);
  expect(frontOf(done).attempts).toBeUndefined();
  expect(scene.requestsOf('are-you-busy')).toHaveLength(2);
});

it("real CLI: a run that uses up the day's budget is held until midnight, and has not failed", async () => {
  scene.script('spend-it-all', { tools: [bash('echo again')], usage: { input_tokens: 60_000 } });
  dropTask(scene, 'spend.md', 'spend-it-all', 'options: { allowed_tools: [Bash] }');
  const { again } = await daemon.event('handed back', 'spend.md', PATIENCE);
  const midnight = new Date();
  midnight.setHours(24, 0, 0, 0);
  expect(again).toBe(midnight.toISOString());
  const text = await ended(scene, 'inbox', 'spend.md');
  expect(text).toMatch(/_held until .*: the day's budget is used up \(limits\.cost_per_day\)_\n$/);
  expect(frontOf(text)).toMatchObject({ retry_at: again, runs: [{ outcome: 'handed_back' }] });
  expect(frontOf(text).attempts).toBeUndefined();
});
