import { Ajv2020 } from 'ajv/dist/2020.js';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { Outcome, RunRequest } from '../../src/runners/port.js';
import { createSimulatorRunner, type SimulatorClock } from '../../src/runners/simulator/index.js';
import { planRun } from '../../src/runners/simulator/plan.js';
import { sampleOf } from '../../src/runners/simulator/sample.js';
import { makeRequest, runnerContract, startRecorded, textOf } from './contract.js';

const NOW = Date.UTC(2026, 10, 20);

/** Time that passes only when nothing else is to do: a run of an hour takes as long as its events. */
function fastClock(): SimulatorClock {
  let now = NOW;
  const waiting = new Set<{ at: number; call: () => void }>();
  const turn = (): void => {
    const [next] = [...waiting].sort((a, b) => a.at - b.at);
    if (!next) return;
    now = Math.max(now, next.at);
    waiting.delete(next);
    next.call();
  };
  return {
    now: () => now,
    after: (ms, call) => {
      const timer = { at: now + ms, call };
      waiting.add(timer);
      setImmediate(turn);
      return () => waiting.delete(timer);
    },
  };
}

const make = (environment: NodeJS.ProcessEnv = {}, clock?: SimulatorClock) =>
  createSimulatorRunner({ duration: undefined }, clock ? { environment, clock } : { environment });

async function simulate(prompt: string, fields: Partial<RunRequest> = {}) {
  const record = startRecorded(make({}, fastClock()), makeRequest(tmpdir(), { prompt, ...fields }));
  return { ...record, outcome: await record.outcome };
}

runnerContract('simulator', () => make({ CLAUDE_MOCK_TEST: '1' }), {
  answer: { prompt: 'Say hello', contains: 'Say hello' },
  fail: { prompt: 'x\nsimulate: fail the disk is full', contains: 'the disk is full' },
  last: { prompt: 'simulate: hang' },
  unicode: { prompt: 'simulate: answer grüße 🦜 漢字', contains: 'grüße 🦜 漢字' },
  huge: { prompt: 'simulate: length 1000000', most: 1_000_000 },
  tool: { prompt: 'simulate: tool Bash {"command":"ls"}' },
  say: { prompt: 'simulate: duration 500ms' },
});

describe('simulator', () => {
  it('says that it is simulated, in what it streams and in its answer, and repeats the subject', async () => {
    const { outcome, events } = await simulate('\n# Scrape the feeds\n\nAnd summarise.');
    expect(textOf(events)).toContain('This is a simulated run: no model was asked.');
    expect(outcome).toMatchObject({
      kind: 'complete',
      result: expect.stringMatching(/simulated run[^]*“Scrape the feeds”/),
    });
    expect(outcome.stats).toMatchObject({ model: 'simulator', turns: 1, cost_usd: 0 });
  });

  it('takes about a second, and next to nothing under CLAUDE_MOCK_TEST', async () => {
    expect((await simulate('hello')).outcome.stats.duration_ms).toBe(1_000);
    const started = performance.now();
    await startRecorded(make({ CLAUDE_MOCK_TEST: '1' }), makeRequest(tmpdir())).outcome;
    expect(performance.now() - started).toBeLessThan(100);
    const configured = createSimulatorRunner({ duration: 4_000 }, { clock: fastClock(), environment: {} });
    expect((await startRecorded(configured, makeRequest(tmpdir())).outcome).stats.duration_ms).toBe(4_000);
  });

  it('gives the same run for the same request', async () => {
    const request = makeRequest(tmpdir(), { prompt: 'hello\nsimulate: tool Read {"path":"a"}\nsimulate: length 900' });
    expect(planRun(request, 1_000)).toEqual(planRun({ ...request }, 1_000));
  });

  it('keeps the duration, length, rate and answer it is given', async () => {
    const long = await simulate('simulate: duration 2h');
    expect(long.outcome.stats.duration_ms).toBe(7_200_000);
    const length = await simulate('simulate: length 5000');
    expect(length.outcome).toMatchObject({ kind: 'complete', result: expect.stringMatching(/^[^]{5000}$/) });
    expect(textOf(length.events)).toHaveLength(5_000);
    const rate = await simulate('simulate: rate 200/s\nsimulate: duration 10s');
    expect(rate.events.filter((event) => event.type === 'Progress' && event.kind === 'text')).toHaveLength(2_000);
    const answer = await simulate('simulate: answer one\nsimulate: answer two');
    expect(answer.outcome).toMatchObject({ kind: 'complete', result: 'one\ntwo' });
    expect(textOf(answer.events)).toContain('simulated run');
    expect((await simulate('simulate: cost 0.25')).outcome.stats.cost_usd).toBe(0.25);
  });

  it('fails always, or the first times', async () => {
    expect((await simulate('simulate: fail', { epoch: 9 })).outcome).toMatchObject({ kind: 'failed', retry: true });
    const kinds: Outcome['kind'][] = [];
    for (const epoch of [1, 2, 3]) kinds.push((await simulate('simulate: fail-times 2', { epoch })).outcome.kind);
    expect(kinds).toEqual(['failed', 'failed', 'complete']);
  });

  it('plays a usage limit and a missing login, once or several times', async () => {
    const limit = await simulate('simulate: usage-limit 5m');
    expect(limit.outcome).toMatchObject({ kind: 'parked', reason: 'usage_limit' });
    const until = limit.outcome.kind === 'parked' ? (limit.outcome.until ?? 0) : 0;
    expect(until - NOW).toBeGreaterThanOrEqual(300_000);
    expect(until - NOW).toBeLessThan(302_000);
    expect((await simulate('simulate: usage-limit 5m', { epoch: 2 })).outcome).toMatchObject({ kind: 'complete' });
    expect((await simulate('simulate: login 2', { epoch: 2 })).outcome).toMatchObject({
      kind: 'parked',
      reason: 'login',
    });
  });

  it('says that a session was resumed', async () => {
    const { outcome, request } = await simulate('go on', { resume: true });
    expect(outcome).toMatchObject({ result: expect.stringContaining(`session ${request.session} was resumed`) });
  });

  it('acknowledges messages while it runs and while it hangs', async () => {
    const record = startRecorded(make(), makeRequest(tmpdir(), { prompt: 'simulate: hang' }));
    expect([record.run.say('first', 'u1'), record.run.say('second', 'u2')]).toEqual([true, true]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(textOf(record.events)).toMatch(/“first”[^]*“second”/);
    await record.run.stop();
    expect(record.run.say('late', 'u3')).toBe(false);
    const receipts = record.events.flatMap((event) => (event.type === 'Progress' && event.uuid ? [event.uuid] : []));
    expect(receipts).toEqual(['u1', 'u2']);
  });

  it('ends once though messages come at every moment', async () => {
    const record = startRecorded(make({}, fastClock()), makeRequest(tmpdir(), { prompt: 'simulate: duration 1s' }));
    let taken = 0;
    while (record.run.say('again', `u${taken + 1}`)) {
      taken += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await record.outcome).toMatchObject({ kind: 'complete' });
    expect(record.events.filter((event) => event.type === 'Result')).toHaveLength(1);
    expect(record.events.filter((event) => event.type === 'Progress' && event.kind === 'receipt')).toHaveLength(taken);
  });

  it('tells nothing when it is stopped at once', async () => {
    const record = startRecorded(make(), makeRequest(tmpdir(), { prompt: 'hello' }));
    await record.run.stop();
    expect(await record.outcome).toMatchObject({ kind: 'stopped' });
    expect(record.events).toEqual([]);
  });

  it.each([
    'simulate: dance',
    'simulate:',
    'simulate: duration soon',
    'simulate: duration 99999d',
    'simulate: length 1e9',
    'simulate: rate 0',
    'simulate: tool',
    'simulate: tool Bash {broken',
    'simulate: fail-times many',
    'simulate: usage-limit forever',
    'simulate: cost -1',
    'simulate: constructor',
    'simulate: rate 10000/s\nsimulate: duration 24h',
  ])('refuses %j with its reason', async (prompt) => {
    const { outcome } = await simulate(prompt);
    expect(outcome).toMatchObject({ kind: 'failed', retry: false, error: { code: 'simulator_script' } });
    expect(outcome).toMatchObject({ error: { message: expect.stringMatching(/found .*expected/s) } });
  });

  it('emits 200 events a second for 20 runs at little cost', async () => {
    const before = process.cpuUsage();
    const runs = Array.from({ length: 20 }, () =>
      startRecorded(make(), makeRequest(tmpdir(), { prompt: 'simulate: rate 200/s\nsimulate: duration 1s' })),
    );
    await Promise.all(runs.map((run) => run.outcome));
    const { user, system } = process.cpuUsage(before);
    for (const run of runs) expect(run.events.length).toBeGreaterThan(200);
    expect((user + system) / 1_000).toBeLessThan(700);
  });
});

describe('a sample of a schema', () => {
  const ajv = new Ajv2020({ strict: false });
  const schemas: Record<string, unknown>[] = [
    {
      type: 'object',
      required: ['a', 'b'],
      properties: { a: { type: 'string', minLength: 12 }, b: { type: 'integer', minimum: 3 } },
    },
    { type: 'object', properties: { optional: { pattern: 'never looked at' } } },
    {
      type: 'array',
      minItems: 2,
      items: { type: 'object', required: ['x'], properties: { x: { type: ['null', 'string'] } } },
    },
    { type: 'object', required: ['list', '__proto__'], properties: { list: { type: 'array' } } },
    { enum: ['red', 'green'] },
    { const: { deep: [1] } },
    { type: 'number', minimum: -5, maximum: -2.5 },
    { type: 'integer', maximum: -3 },
    { type: 'string', maxLength: 3 },
    { type: 'boolean' },
    { type: 'null' },
    {},
  ];
  it.each(schemas)('fits %j', (schema) => {
    const value = sampleOf(schema);
    expect(ajv.validate(schema, value), JSON.stringify(value)).toBe(true);
  });

  it.each([
    [{ type: 'string', pattern: '^x+$' }, 'pattern'],
    [{ type: 'object', required: ['a'], properties: { a: { $ref: '#' } } }, '$ref'],
    [{ anyOf: [{ type: 'string' }] }, 'anyOf'],
    [{ type: 'strange' }, 'strange'],
    [{ type: 'string', format: 'hostname' }, 'hostname'],
    [{ type: 'integer', minimum: 0.2, maximum: 0.8 }, 'bounds'],
    [{ type: 'array', minItems: 1e9 }, 'items'],
    [false, 'schema'],
  ])('is refused for %j by name', (schema, named) => {
    expect(() => sampleOf(schema)).toThrow(named);
  });

  it('is the structured output of a run, as is an answer in JSON', async () => {
    const options = { output_schema: { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } } };
    expect((await simulate('hi', { options })).outcome).toMatchObject({
      kind: 'complete',
      structured_output: { n: 0 },
    });
    const given = await simulate('simulate: answer {"n":7}', { options });
    expect(given.outcome).toMatchObject({ kind: 'complete', structured_output: { n: 7 } });
    expect((await simulate('simulate: answer seven', { options })).outcome).toMatchObject({
      kind: 'failed',
      retry: false,
    });
    const misfit = await simulate('simulate: answer {"n":"x"}', { options });
    expect(misfit.outcome).toMatchObject({
      kind: 'failed',
      error: { message: expect.stringContaining('n: found "x"') },
    });
    const hard = { output_schema: { oneOf: [] } };
    expect((await simulate('hi', { options: hard })).outcome).toMatchObject({ kind: 'failed', retry: false });
  });
});
