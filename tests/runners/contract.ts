/**
 * What every runner keeps, whatever it runs. A runner's own test file calls `runnerContract` with a factory and with
 * prompts that make it do what each case needs; a case without a prompt is not registered.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TaskOptions } from '../../src/core/message.js';
import type { Outcome, Run, RunEvent, Runner, RunRequest } from '../../src/runners/port.js';
import { endProcesses, findTagged } from '../../src/runners/process/index.js';
import { testdir } from '../support/testdir.js';
import { waitUntil } from '../support/wait-until.js';

export interface ContractCase {
  prompt: string;
  options?: TaskOptions;
}

export interface ContractScripts {
  /** Completes with a result that contains `contains`. */
  answer: ContractCase & { contains: string };
  /** Ends in `failed`, with a message that contains `contains`. */
  fail: ContractCase & { contains: string };
  /** Shows a first text or tool event, then runs until it is stopped: with children of its own, if it has any. */
  last: ContractCase;
  /** Completes with a result that contains `contains`, full of characters of two to four bytes. */
  unicode?: ContractCase & { contains: string };
  /** Prints far more than a result may hold; `most` is the longest result, in characters. */
  huge?: ContractCase & { most: number };
  /** Uses a tool and completes. */
  tool?: ContractCase;
  /** A run that takes messages for long enough to be sent one, and completes. Needed where `can.say`. */
  say?: ContractCase;
  /** A runner that cannot start anything: its program is missing. */
  broken?: () => Runner | Promise<Runner>;
}

export interface ContractOptions {
  /** Longest time for one case, ms. */
  timeout?: number;
}

export interface Recorded {
  run: Run;
  request: RunRequest;
  events: RunEvent[];
  raw: string[];
  pids: number[];
  outcome: Promise<Outcome>;
}

/** Starts a run and keeps all that it tells. Fails the test when anything is told after its outcome. */
export function startRecorded(runner: Runner, request: RunRequest): Recorded {
  let over = false;
  const events: RunEvent[] = [];
  const raw: string[] = [];
  const pids: number[] = [];
  const late = (what: string): void => {
    if (over) throw new Error(`told after the outcome: ${what}`);
  };
  const run = runner.start(request, {
    onEvent: (event) => {
      late(event.type);
      events.push(event);
    },
    onRaw: (line) => {
      late(line);
      raw.push(line);
    },
    onSpawn: (pid) => {
      late(String(pid));
      pids.push(pid);
    },
  });
  const outcome = run.outcome.then((result) => {
    over = true;
    return result;
  });
  return { run, request, events, raw, pids, outcome };
}

export function makeRequest(cwd: string, fields: Partial<RunRequest> = {}): RunRequest {
  const base = { messageId: randomUUID(), epoch: 1, prompt: '', options: {}, session: randomUUID(), resume: false };
  return { ...base, cwd, attachments: [], ...fields };
}

/** All text of the answer that was streamed. */
export function textOf(events: RunEvent[]): string {
  return events.map((event) => (event.type === 'Progress' && event.kind === 'text' ? event.content : '')).join('');
}

export function runnerContract(
  name: string,
  make: () => Runner | Promise<Runner>,
  scripts: ContractScripts,
  { timeout = 15_000 }: ContractOptions = {},
): void {
  describe(`${name} keeps the runner contract`, { timeout }, () => {
    let runner: Runner;
    let cwd: string;
    const sessions: string[] = [];

    beforeEach(async () => {
      cwd = testdir();
      runner = await make();
    });
    afterEach(async () => {
      await runner.close();
      const left = sessions.splice(0).filter((session) => findTagged(session).length > 0);
      for (const session of left) await endProcesses(session, undefined, { grace: 0 });
      expect(left, 'runs that left a process').toEqual([]);
    });

    const start = (script: ContractCase, on: Runner = runner): Recorded => {
      const request = makeRequest(cwd, { prompt: script.prompt, options: script.options ?? {} });
      sessions.push(request.session);
      return startRecorded(on, request);
    };
    const begun = async (record: Recorded): Promise<void> => {
      const isShown = (event: RunEvent): boolean =>
        event.type === 'ToolUse' || (event.type === 'Progress' && event.kind === 'text');
      await waitUntil(() => record.events.some(isShown), { timeout, what: 'the first text' });
    };

    it('tells nothing before start returns, then Start, then the rest, then the result', async () => {
      const record = start(scripts.answer);
      expect([record.events, record.raw, record.pids]).toEqual([[], [], []]);
      const outcome = await record.outcome;
      expect(outcome).toMatchObject({ kind: 'complete', result: expect.stringContaining(scripts.answer.contains) });
      expect(record.events[0]).toMatchObject({ type: 'Start', session_id: record.request.session });
      const last = record.events.at(-1);
      expect(last?.type).toBe('Result');
      if (last?.type === 'Result' && outcome.kind === 'complete') expect(last.result).toBe(outcome.result);
      expect(outcome.stats.duration_ms).toBeGreaterThanOrEqual(0);
    });

    it('gives its protocol line by line', async () => {
      const record = start(scripts.answer);
      await record.outcome;
      expect(record.raw.length).toBeGreaterThan(0);
      expect(record.raw.filter((line) => /[\r\n]/.test(line))).toEqual([]);
    });

    it('returns a failure as an outcome, with an Error event', async () => {
      const record = start(scripts.fail);
      const outcome = await record.outcome;
      expect(outcome).toMatchObject({
        kind: 'failed',
        error: { message: expect.stringContaining(scripts.fail.contains) },
      });
      expect(record.events.at(-1)?.type).toBe('Error');
    });

    it('stops, twice over, and leaves no process', async () => {
      const record = start(scripts.last);
      await begun(record);
      await Promise.all([record.run.stop(), record.run.stop()]);
      expect(findTagged(record.request.session)).toEqual([]);
      expect(await record.outcome).toMatchObject({ kind: 'stopped' });
      await record.run.stop();
    });

    it('can be stopped before it has begun', async () => {
      const record = start(scripts.last);
      await record.run.stop();
      expect(findTagged(record.request.session)).toEqual([]);
      expect(await record.outcome).toMatchObject({ kind: 'stopped' });
    });

    it('keeps its outcome when it is stopped after its end', async () => {
      const record = start(scripts.answer);
      await record.outcome;
      await record.run.stop();
      expect(await record.run.outcome).toMatchObject({ kind: 'complete' });
    });

    it('takes no message after its end', async () => {
      const record = start(scripts.answer);
      await record.outcome;
      expect(record.run.say('too late', randomUUID())).toBe(false);
    });

    it('runs several at a time and keeps them apart', async () => {
      const records = [start(scripts.answer), start(scripts.fail), start(scripts.answer)];
      const outcomes = await Promise.all(records.map((record) => record.outcome));
      expect(outcomes.map((outcome) => outcome.kind)).toEqual(['complete', 'failed', 'complete']);
      for (const record of records) {
        expect(record.events[0]).toMatchObject({ type: 'Start', session_id: record.request.session });
      }
    });

    it('says whether it could run', async () => {
      expect(await runner.check()).toMatchObject({ ok: true, message: expect.stringMatching(/^.{3,200}$/) });
    });

    it('returns an outcome when its directory is gone', async () => {
      const request = makeRequest(join(cwd, 'gone'), scripts.answer);
      sessions.push(request.session);
      const record = startRecorded(runner, request);
      expect(['failed', 'complete', 'parked']).toContain((await record.outcome).kind);
    });

    it('can be closed twice', async () => {
      await runner.close();
      await runner.close();
    });

    given(scripts.unicode, (unicode) => {
      it('keeps characters whole that come in pieces', async () => {
        const record = start(unicode);
        expect(await record.outcome).toMatchObject({ result: expect.stringContaining(unicode.contains) });
        expect(textOf(record.events)).toContain(unicode.contains);
        expect(record.raw.join('')).not.toContain('\ufffd');
      });
    });
    given(scripts.huge, (huge) => {
      it('bounds what it keeps of a huge answer', async () => {
        const record = start(huge);
        const outcome = await record.outcome;
        expect(outcome.kind).toBe('complete');
        if (outcome.kind === 'complete') expect(outcome.result.length).toBeLessThanOrEqual(huge.most);
      });
    });
    given(scripts.tool, (tool) => {
      it('tells a tool call and its result under one id', async () => {
        const record = start(tool);
        expect(await record.outcome).toMatchObject({ kind: 'complete' });
        const uses = record.events.filter((event) => event.type === 'ToolUse');
        const call = uses.find((use) => use.phase === 'call');
        expect(call?.tool).toMatch(/\S/);
        expect(uses.find((use) => use.phase === 'result' && use.id === call?.id)?.output).toEqual(expect.any(String));
      });
    });
    given(scripts.say, (say) => {
      it('takes a message into the running task, with a receipt', async () => {
        expect(runner.can.say).toBe(true);
        const record = start(say);
        await begun(record);
        const uuid = randomUUID();
        expect(record.run.say('a word from outside', uuid)).toBe(true);
        expect(await record.outcome).toMatchObject({ kind: 'complete' });
        const receipts = record.events.filter((event) => event.type === 'Progress' && event.kind === 'receipt');
        expect(receipts).toMatchObject([{ uuid }]);
      });
    });
    given(scripts.broken, (broken) => {
      it('returns an outcome when it cannot start', async () => {
        const without = await broken();
        expect(await without.check()).toMatchObject({ ok: false, message: expect.stringMatching(/\S/) });
        const record = start(scripts.answer, without);
        expect(await record.outcome).toMatchObject({ kind: 'parked', reason: 'unavailable' });
        await record.run.stop();
        await without.close();
      });
    });
  });
}

/** Registers what needs `value` only where there is one. */
function given<T>(value: T | undefined, register: (value: T) => void): void {
  if (value !== undefined) register(value);
}
