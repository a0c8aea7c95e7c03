import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { pieces } from '../../support/messages-api/server.mjs';
import { waitUntil } from '../../support/wait-until.js';
import { textOf } from '../contract.js';
import { bash, FREE, makeSetting, ofType } from './harness.js';

it('real CLI: an answer, streamed once, with what it cost', async () => {
  const answer = 'The market moved because of the weather.';
  const { start, api } = await makeSetting({
    script: [{ reply: { text: pieces(answer, 7), usage: { input_tokens: 1_200, output_tokens: 80 } } }],
  });
  const run = start('why did it move?');
  const outcome = await run.outcome;
  expect(outcome).toMatchObject({ kind: 'complete', result: answer });
  expect(textOf(run.events)).toBe(answer);
  expect(ofType(run.events, 'Progress').length).toBeGreaterThan(3);
  expect(outcome.stats).toMatchObject({ turns: 1, tokens_in: 1_200, tokens_out: 80 });
  expect(outcome.stats.cost_usd).toBeGreaterThan(0);
  expect(outcome.stats.model).toContain('claude');
  expect(run.raw.some((line) => line.includes('why did it move?') && line.startsWith('{"type":"user"'))).toBe(true);
  expect(run.pids).toHaveLength(1);
  expect(api.requests).toHaveLength(1);
});

it('real CLI: tools run, and their calls and results are told', async () => {
  const { start, cwd } = await makeSetting({
    script: [
      { reply: { text: 'Making it.', tools: [bash('echo made > made.txt && echo it is made')] } },
      { reply: { text: 'Done.' } },
    ],
  });
  const run = start('make a file', { options: FREE });
  expect(await run.outcome).toMatchObject({ kind: 'complete', result: 'Done.', stats: { turns: 2 } });
  expect(existsSync(join(cwd, 'made.txt'))).toBe(true);
  expect(ofType(run.events, 'ToolUse')).toMatchObject([
    { phase: 'call', tool: 'Bash', args: { command: 'echo made > made.txt && echo it is made' } },
    { phase: 'result', tool: 'Bash', output: 'it is made', is_error: false },
  ]);
  expect(textOf(run.events)).toBe('Making it.Done.');
});

it('real CLI: a tool that is not allowed does not run', async () => {
  const { start, cwd, api } = await makeSetting({
    script: [{ reply: { tools: [bash('touch made.txt')] } }, { reply: { text: 'I may not.' } }],
  });
  const run = start('make a file');
  expect(await run.outcome).toMatchObject({ kind: 'complete', result: 'I may not.' });
  expect(existsSync(join(cwd, 'made.txt'))).toBe(false);
  expect(ofType(run.events, 'ToolUse')[1]).toMatchObject({ phase: 'result', is_error: true });
  expect(api.requests).toHaveLength(2);
});

it('real CLI: a slow stream is told as it comes', async () => {
  const { start } = await makeSetting({
    script: [{ reply: { text: pieces('one two three four five ', 4), pace: 120 } }],
  });
  const run = start('slowly');
  await waitUntil(() => textOf(run.events).includes('one'), { timeout: 10_000, what: 'the first text' });
  expect(textOf(run.events)).not.toContain('five');
  expect(await run.outcome).toMatchObject({ kind: 'complete', result: 'one two three four five ' });
});

it('real CLI: options become arguments', async () => {
  const { start, api, dir } = await makeSetting();
  const run = start('hello', {
    options: {
      model: 'haiku',
      system_prompt: '--help is what I am called',
      append_system_prompt: 'Be brief.',
      allowed_tools: ['Read', 'Bash(git log:*)'],
      disallowed_tools: ['WebFetch'],
      add_dirs: [dir],
      max_turns: 7,
      max_budget_usd: 1.5,
      permission_mode: 'dontAsk',
    },
  });
  expect(await run.outcome).toMatchObject({ kind: 'complete' });
  const [request] = api.requests;
  expect(request?.body.model).toContain('haiku');
  expect(JSON.stringify(request?.body.system)).toMatch(/--help is what I am called.*Be brief\./s);
  expect(request?.body.tools?.map(({ name }) => name)).not.toContain('WebFetch');
  const init = run.raw.find((line) => line.includes('"subtype":"init"'));
  expect(init).toContain('"permissionMode":"dontAsk"');
});

it('options that would be more than one value are refused before anything runs', async () => {
  const { start, api } = await makeSetting();
  for (const options of [{ allowed_tools: ['Read,Bash'] }, { allowed_tools: ['Bash(a) Write(b)'] }, { model: 'a,b' }]) {
    const run = start('hello', { options });
    expect(await run.outcome).toMatchObject({ kind: 'failed', retry: false, error: { code: 'options' } });
    expect(run.pids).toEqual([]);
  }
  expect(api.requests).toEqual([]);
});
