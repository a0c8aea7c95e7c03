import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { findTagged } from '../../../src/runners/process/index.js';
import { waitUntil } from '../../support/wait-until.js';
import { bash, FREE, makeSetting, ofType } from './harness.js';

it('real CLI: stop ends a tool that left for a session of its own', async () => {
  const { start, cwd } = await makeSetting({
    script: [{ reply: { tools: [bash('setsid sleep 300 & echo $! > pid; sleep 300')] } }],
  });
  const run = start('sleep', { options: FREE });
  await waitUntil(() => existsSync(`${cwd}/pid`), { timeout: 10_000, what: 'the tool' });
  expect(findTagged(run.request.session).length).toBeGreaterThan(2);
  const began = performance.now();
  await run.run.stop();
  expect(performance.now() - began).toBeLessThan(6_000);
  expect(findTagged(run.request.session)).toEqual([]);
  expect(await run.outcome).toMatchObject({ kind: 'stopped' });
  expect(ofType(run.events, 'Error')).toEqual([]);
});

it('real CLI: what a finished task left running is ended', async () => {
  const { start } = await makeSetting({
    script: [
      { reply: { tools: [bash('setsid sleep 300 >/dev/null 2>&1 & echo left it')] } },
      { reply: { text: 'Done.' } },
    ],
  });
  const run = start('leave something', { options: FREE });
  expect(await run.outcome).toMatchObject({ kind: 'complete', result: 'Done.' });
  expect(findTagged(run.request.session)).toEqual([]);
});

it('real CLI: a hung API is ended by stop', async () => {
  const { start, api } = await makeSetting({ script: [{ reply: { hang: true } }] });
  const run = start('anyone there?');
  await waitUntil(() => api.requests.length > 0, { timeout: 10_000, what: 'the request' });
  const began = performance.now();
  await run.run.stop();
  expect(performance.now() - began).toBeLessThan(4_000);
  expect(await run.outcome).toMatchObject({ kind: 'stopped' });
});

it('real CLI: a stream that breaks off in silence is ended by stop', async () => {
  const { start } = await makeSetting({ script: [{ reply: { text: 'half of', hang: 'end' } }] });
  const run = start('a whole sentence');
  await waitUntil(() => run.events.some((event) => event.type === 'Progress'), { timeout: 10_000, what: 'text' });
  await run.run.stop();
  expect(await run.outcome).toMatchObject({ kind: 'stopped' });
});
