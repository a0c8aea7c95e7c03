import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { overloaded, unauthorized, usageLimit } from '../../support/messages-api/server.mjs';
import { bash, FREE, makeSetting, ofType } from './harness.js';

const TOKEN = { ANTHROPIC_API_KEY: undefined, CLAUDE_CODE_OAUTH_TOKEN: 'sk-ant-oat01-for-a-test' };

it('real CLI: max_turns fails the task for good', async () => {
  const { start } = await makeSetting({ script: [{ times: Infinity, reply: { tools: [bash('echo again')] } }] });
  const run = start('go on', { options: { ...FREE, max_turns: 2 } });
  expect(await run.outcome).toMatchObject({
    kind: 'failed',
    retry: false,
    error: { code: 'error_max_turns', message: expect.stringContaining('2'), hint: expect.any(String) },
  });
  expect(ofType(run.events, 'Error')).toMatchObject([{ code: 'error_max_turns' }]);
});

it('real CLI: max_budget_usd fails the task for good', async () => {
  const { start } = await makeSetting({ script: [{ times: Infinity, reply: { tools: [bash('echo again')] } }] });
  const run = start('go on', { options: { ...FREE, max_budget_usd: 0.0001 } });
  expect(await run.outcome).toMatchObject({ kind: 'failed', retry: false, error: { code: 'error_max_budget_usd' } });
});

it('real CLI: not logged in parks, though the CLI calls it a success', async () => {
  const { start, api, runner } = await makeSetting({ environment: { ANTHROPIC_API_KEY: undefined } });
  const run = start('hello');
  expect(await run.outcome).toMatchObject({
    kind: 'parked',
    reason: 'login',
    message: expect.stringContaining('Not logged in'),
  });
  expect(api.requests).toEqual([]);
  expect(await runner.check()).toMatchObject({ ok: false, hint: expect.stringContaining('mailboxd login') });
});

it('real CLI: a refused key (401) parks at the second refusal', async () => {
  const { start, api } = await makeSetting({ script: [{ times: Infinity, reply: unauthorized }] });
  const run = start('hello');
  const outcome = await run.outcome;
  expect(outcome).toMatchObject({ kind: 'parked', reason: 'login', message: expect.stringContaining('401') });
  expect(outcome.stats.duration_ms).toBeLessThan(8_000);
  expect(api.requests.length).toBeLessThanOrEqual(3);
  expect(ofType(run.events, 'Progress').map(({ content }) => content)).toContainEqual(expect.stringContaining('401'));
});

it('real CLI: a refused token parks', async () => {
  const { start } = await makeSetting({ script: [{ times: Infinity, reply: unauthorized }], environment: TOKEN });
  expect(await start('hello').outcome).toMatchObject({ kind: 'parked', reason: 'login' });
});

it('real CLI: an overloaded API (529) is waited for, and said so', async () => {
  const { start, api } = await makeSetting({ script: [{ reply: overloaded }, { reply: { text: 'Here at last.' } }] });
  const run = start('hello');
  expect(await run.outcome).toMatchObject({ kind: 'complete', result: 'Here at last.' });
  expect(api.requests).toHaveLength(2);
  expect(ofType(run.events, 'Progress')[0]).toMatchObject({
    kind: 'status',
    content: expect.stringMatching(/overloaded \(529\); try 1 of \d+/),
  });
});

it('real CLI: an API that stays overloaded fails the attempt', async () => {
  const { start } = await makeSetting({
    script: [{ times: Infinity, reply: overloaded }],
    config: { env: { CLAUDE_CODE_MAX_RETRIES: '1' } },
  });
  expect(await start('hello').outcome).toMatchObject({
    kind: 'failed',
    retry: true,
    error: { code: 'api_error', message: expect.stringContaining('529') },
  });
});

it('real CLI: a usage limit parks until it lifts', async () => {
  const resets = Math.floor(Date.now() / 1_000) + 3_600;
  const { start, api } = await makeSetting({
    script: [{ times: Infinity, reply: usageLimit(resets) }],
    environment: TOKEN,
  });
  const run = start('hello');
  expect(await run.outcome).toMatchObject({ kind: 'parked', reason: 'usage_limit', until: resets * 1_000 });
  expect(api.requests).toHaveLength(1);
});

it('real CLI: an empty account parks', async () => {
  const message = 'Your credit balance is too low to access the Anthropic API.';
  const { start } = await makeSetting({
    script: [{ reply: { error: { status: 400, type: 'invalid_request_error', message } } }],
  });
  expect(await start('hello').outcome).toMatchObject({ kind: 'parked', reason: 'usage_limit' });
});

it('real CLI: a model that does not exist fails for good', async () => {
  const { start } = await makeSetting({
    script: [
      { times: Infinity, reply: { error: { status: 404, type: 'not_found_error', message: 'model: nonsense' } } },
    ],
  });
  const run = start('hello', { options: { model: 'nonsense' } });
  expect(await run.outcome).toMatchObject({ kind: 'failed', retry: false });
});

it('real CLI: a session that is not there is told apart', async () => {
  const { start, api } = await makeSetting();
  const run = start('go on', { session: randomUUID(), resume: true });
  expect(await run.outcome).toMatchObject({ kind: 'failed', retry: false, error: { code: 'session_not_found' } });
  expect(api.requests).toEqual([]);
});

it('real CLI: an unknown profile or MCP server fails before anything runs', async () => {
  const { start } = await makeSetting();
  expect(await start('hello', { profile: 'nobody' }).outcome).toMatchObject({
    kind: 'failed',
    error: { code: 'options' },
  });
  const asked = start('hello', { options: { mcp_servers: ['constructor'] } });
  expect(await asked.outcome).toMatchObject({ kind: 'failed', error: { code: 'options' } });
});
