import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { query, querySimple, type RunEvent } from '../src/index.js';

const environment = { PATH: process.env['PATH'], CLAUDE_MOCK_TEST: '1' };

async function collect(prompt: string, options: Parameters<typeof query>[1] = {}): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  for await (const event of query(prompt, { environment, ...options })) events.push(event);
  return events;
}

describe('query', () => {
  it('yields Start, Progress, ToolUse and Result, in that order', async () => {
    const events = await collect('simulate: tool Bash {"command":"ls"}\nsimulate: answer done\n');
    expect(events[0]).toMatchObject({ type: 'Start', session_id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(events.find((event) => event.type === 'ToolUse')).toMatchObject({ tool: 'Bash', args: { command: 'ls' } });
    expect(events.some((event) => event.type === 'Progress')).toBe(true);
    expect(events.at(-1)).toMatchObject({ type: 'Result', result: 'done' });
  });

  it('ends with one Error when the run fails, and when nothing can run', async () => {
    const failed = await collect('simulate: fail no luck\n');
    expect(failed.filter((event) => event.type === 'Error')).toEqual([
      expect.objectContaining({ message: expect.stringContaining('no luck') }),
    ]);
    expect(failed.at(-1)?.type).toBe('Error');
    const parked = await collect('simulate: login 9\n');
    expect(parked.at(-1)).toMatchObject({ type: 'Error', code: 'login' });
  });

  it('stops when its signal fires and when the loop is left, and leaves nothing behind', async () => {
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith('mailboxd-query-'));
    const control = new AbortController();
    setTimeout(() => control.abort(), 50);
    const events = await collect('simulate: hang\n', { signal: control.signal });
    expect(events.at(-1)).toMatchObject({ type: 'Error', code: 'stopped' });
    for await (const event of query('simulate: duration 20s\nsimulate: length 900\n', { environment })) {
      if (event.type === 'Progress') break;
    }
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('mailboxd-query-'))).toEqual(before);
  });

  it('querySimple gives the answer, or throws with the reason', async () => {
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith('mailboxd-query-'));
    await expect(querySimple('simulate: answer forty-two\n', { environment })).resolves.toBe('forty-two');
    await expect(querySimple('simulate: fail no luck\n', { environment })).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('no luck'),
    });
    await expect(querySimple('x', { environment, runner: 'gpt' })).rejects.toMatchObject({ code: 'invalid' });
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('mailboxd-query-'))).toEqual(before);
  });
});
