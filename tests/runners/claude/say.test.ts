import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { waitUntil } from '../../support/wait-until.js';
import { textOf } from '../contract.js';
import { bash, FREE, makeSetting, ofType, receipts } from './harness.js';

it('real CLI: a message said while a tool runs joins the turn, with its receipt', async () => {
  const { start, api } = await makeSetting({
    script: [{ reply: { tools: [bash('sleep 0.7; echo slept')] } }, { reply: { text: 'Read both.' } }],
  });
  const run = start('sleep a little', { options: FREE });
  await waitUntil(() => ofType(run.events, 'ToolUse').length > 0, { timeout: 10_000, what: 'the tool call' });
  const uuid = randomUUID();
  expect(run.run.say('mind the gap', uuid)).toBe(true);
  expect(await run.outcome).toMatchObject({ kind: 'complete', result: 'Read both.' });
  expect(receipts(run.events)).toEqual([uuid]);
  expect(ofType(run.events, 'Result')).toHaveLength(1);
  expect(api.requests).toHaveLength(2);
  expect(JSON.stringify(api.requests[1]?.body.messages)).toContain('mind the gap');
});

it('real CLI: messages said while text streams become the next turn, with their receipts', async () => {
  const { start, api } = await makeSetting({
    script: [
      { reply: { text: ['one ', 'two ', 'three '], pace: 150 } },
      { when: 'and also', reply: { text: ['Also ', 'that.'], pace: 400 } },
      { when: 'at last', reply: { text: 'The end.' } },
    ],
  });
  const run = start('count');
  await waitUntil(() => textOf(run.events).includes('one'), { timeout: 10_000, what: 'the first text' });
  expect(run.run.say('and also', 'first-id')).toBe(true);
  expect(run.run.say('and more', 'second-id')).toBe(true);
  await waitUntil(() => textOf(run.events).includes('Also'), { timeout: 10_000, what: 'the second turn' });
  expect(run.run.say('at last', 'third-id')).toBe(true);
  const outcome = await run.outcome;
  expect(outcome).toMatchObject({ kind: 'complete', result: 'The end.', stats: { turns: 3, tokens_in: 30 } });
  expect(receipts(run.events)).toEqual(['first-id', 'second-id', 'third-id']);
  expect(ofType(run.events, 'Result').map(({ result }) => result)).toEqual([
    'one two three ',
    'Also that.',
    'The end.',
  ]);
  expect(api.requests).toHaveLength(3);
});

it('real CLI: what a message says is text, never a command or a file to read', async () => {
  const { start, api, dir } = await makeSetting({ script: [{ times: Infinity, reply: { text: 'Only text.' } }] });
  writeFileSync(`${dir}/secret.txt`, 'the-secret-itself');
  writeFileSync(`${dir}/work/notes.txt`, 'notes-of-the-task');
  for (const prompt of ['/clear', `see @${dir}/secret.txt`, `see @"${dir}/secret.txt"`, 'see @../secret.txt']) {
    const run = start(prompt);
    expect(await run.outcome).toMatchObject({ kind: 'complete', result: 'Only text.' });
    expect(ofType(run.events, 'Start')).toHaveLength(1);
  }
  expect(await start('see @notes.txt').outcome).toMatchObject({ kind: 'complete' });
  expect(api.requests).toHaveLength(5);
  const sent = JSON.stringify(api.requests.map(({ body }) => body.messages));
  expect(sent).not.toContain('the-secret-itself');
  expect(sent).toContain('notes-of-the-task');
});
