import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findTagged } from '../../../src/runners/process/index.js';
import { waitUntil } from '../../support/wait-until.js';
import { textOf } from '../contract.js';
import { makeSetting, type Setting } from './harness.js';

const scratch = ({ dir }: Setting): string[] =>
  existsSync(join(dir, 'scratch')) ? readdirSync(join(dir, 'scratch')) : [];

it('real CLI: a task adopts a warm process with its session and directory, and another is started', async () => {
  const setting = await makeSetting({ config: { warm: 1 }, script: [{ times: Infinity, reply: { text: 'Warm.' } }] });
  const { runner, start } = setting;
  const taken = runner.adopt?.({}, undefined);
  expect(taken).toEqual({ session: expect.any(String), cwd: join(setting.dir, 'scratch', taken?.session ?? '') });
  expect(runner.adopt?.({}, undefined)).toBeUndefined();
  const [pid] = findTagged(taken?.session ?? '');
  const run = start('hello', taken ?? {});
  expect(await run.outcome).toMatchObject({ kind: 'complete', result: 'Warm.' });
  expect(run.pids).toEqual([pid]);
  expect(run.events[0]).toMatchObject({ type: 'Start', session_id: taken?.session });
  const next = await waitUntil(() => runner.adopt?.({}, undefined), { what: 'another warm process' });
  expect(next.session).not.toBe(taken?.session);
  await runner.close();
  expect(findTagged(next.session)).toEqual([]);
  expect(scratch(setting)).toEqual([taken?.session]); // the task's own stays, for its session may be resumed
});

it('real CLI: a warm process answers sooner than a cold one', async () => {
  const { runner, start, api } = await makeSetting({
    config: { warm: 1 },
    script: [{ times: Infinity, reply: { text: 'x' } }],
  });
  const firstText = async (fields: Parameters<typeof start>[1]): Promise<number> => {
    const began = performance.now();
    const run = start('hello', fields);
    await waitUntil(() => textOf(run.events) !== '', { timeout: 10_000, what: 'the first text' });
    const took = performance.now() - began;
    await run.outcome;
    return took;
  };
  const cold = await firstText({});
  const taken = runner.adopt?.({}, undefined);
  const warm = await firstText(taken ?? {});
  expect(taken).toBeDefined();
  expect(warm).toBeLessThan(cold * 0.7);
  expect(api.requests).toHaveLength(2);
});

it('real CLI: only tasks without wishes adopt, unless these are what is kept warm', async () => {
  const { runner } = await makeSetting({ config: { warm: 1 }, context: { warmOptions: { max_turns: 9 } } });
  for (const options of [
    {},
    { max_turns: 8 },
    { max_turns: 9, model: 'opus' },
    { max_turns: 9, working_dir: '/tmp' },
  ]) {
    expect(runner.adopt?.(options, undefined)).toBeUndefined();
  }
  expect(runner.adopt?.({ max_turns: 9 }, 'acme')).toBeUndefined();
  expect(runner.adopt?.({ max_turns: 9, output_format: 'text', runner: 'claude' }, undefined)).toBeDefined();
});

it('real CLI: a warm process that dies is replaced, and one that died in reserve starts cold', async () => {
  const setting = await makeSetting({ config: { warm: 1 }, script: [{ times: Infinity, reply: { text: 'Still.' } }] });
  const [dead = ''] = scratch(setting);
  const kill = (session: string): void => {
    for (const pid of findTagged(session)) process.kill(pid, 'SIGKILL');
  };
  kill(dead);
  await waitUntil(() => scratch(setting)[0] !== undefined && scratch(setting)[0] !== dead, { what: 'a new one' });
  const taken = setting.runner.adopt?.({}, undefined);
  kill(taken?.session ?? '');
  await waitUntil(() => findTagged(taken?.session ?? '').length === 0, { what: 'its end' });
  expect(await setting.start('hello', taken ?? {}).outcome).toMatchObject({ kind: 'complete', result: 'Still.' });
});
