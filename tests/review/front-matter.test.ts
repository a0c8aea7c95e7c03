/** What a worker writes, it can read again, whatever runners and people give it to write. */
import { describe, expect, it } from 'vitest';
import { composeClaim, composeEnd, type Ending, type RunText } from '../../src/daemon/compose.js';
import type { Claim, RunRecord } from '../../src/core/message.js';
import { claimToken } from '../../src/core/token.js';
import { parseMessage } from '../../src/format/message.js';
import { renderFlow } from '../../src/format/yaml.js';
import { readFields } from '../../src/format/front-matter.js';

const KEY = 'k'.repeat(40);
const WHEN = '2026-11-20T10:30:00.000Z';

function claimOf(epoch: number): Claim {
  return {
    worker: `${'m'.repeat(64)}@${'h'.repeat(64)}`,
    epoch,
    at: WHEN,
    token: claimToken(KEY, 'a', epoch),
    process: '123456.123456789',
    take: 'abcdefghij',
    runner: 'claude',
    session: '01234567-89ab-4def-8123-456789abcdef',
  };
}

function runOnce(bytes: string, epoch: number, reason: string, model: string): string {
  const message = parseMessage(Buffer.from(bytes), KEY);
  const claim = claimOf(epoch);
  const claimed = composeClaim(message, 'a', claim, epoch, {});
  const run: RunText = {
    n: epoch,
    token: claim.token,
    base: { ownText: message.ownText, recorded: message.recorded },
    rendered: 'said\n',
    trailingText: undefined,
    eol: '\n',
    usedTools: true,
  };
  const record: RunRecord = {
    n: epoch,
    epoch,
    token: claim.token,
    worker: claim.worker,
    runner: 'claude',
    session: claim.session ?? '',
    started: WHEN,
    ended: WHEN,
    outcome: 'failed',
    reason: reason.slice(0, 500),
    model,
    turns: 123456,
    cost_usd: 123.456789,
    tokens_in: 123456789,
    tokens_out: 123456789,
    duration_ms: 123456789,
    duration_api_ms: 123456789,
  };
  const ending: Ending = {
    record,
    result: {
      outcome: 'failed',
      at: WHEN,
      error: { code: 'exit', message: reason.slice(0, 1000), hint: reason.slice(0, 500) },
    },
    answer: undefined,
    note: 'failed',
    changes: { attempts: epoch },
  };
  return composeEnd(Buffer.from(claimed), KEY, run, ending);
}

describe('the front matter that a run leaves', () => {
  it.each([
    ['the letter that takes most bytes', '\u0001'.repeat(3_000), 'x'.repeat(300)],
    ['a long name of a model', 'short', 'é'.repeat(20_000)],
    ['a character that YAML does not take', 'a\u007fb\ufeffc\u0085d\u2028e', 'm\u007f'],
  ])('can be read after thirty runs: %s', (_what, reason, model) => {
    let text = '---\nid: "a"\n---\nDo it.\n';
    for (let epoch = 1; epoch <= 30; epoch += 1) text = runOnce(text, epoch, reason, model);
    const message = parseMessage(Buffer.from(text), KEY);
    expect(message.ownText).toBe('Do it.\n');
    expect(message.front.runs?.at(-1)?.epoch).toBe(30);
  });

  it('leaves room for itself: what is too large to be claimed is refused, not lost', () => {
    const text = `---\nid: "a"\nsubject: "${'x'.repeat(65_000)}"\n---\nDo it.\n`;
    expect(() => composeClaim(parseMessage(Buffer.from(text), KEY), 'a', claimOf(1), 1, {})).toThrow(/front matter/);
  });
});

it('values are written so that any reader takes them', () => {
  const value = 'a\u007fb\u0085c\u2028d\ufeffe\ufffef';
  const text = renderFlow(value);
  expect(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/.test(text)).toBe(false);
  expect(readFields(`subject: ${text}\n`)['subject']).toBe(value);
});
