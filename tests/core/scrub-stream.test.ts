import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { REDACTED, scrub } from '../../src/core/scrub.js';
import { createScrubStream } from '../../src/core/scrub-stream.js';

const LETTERS = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_'];
const core = fc
  .array(fc.constantFrom(...LETTERS), { minLength: 24, maxLength: 90 })
  .map((letters) => `7${letters.join('')}`);
const planted = fc.oneof(
  ...[
    'sk-ant-api03-',
    'ghp_',
    'github_pat_',
    'glpat-',
    'Bearer ',
    'Authorization: Bearer ',
    'authorization: Basic ',
  ].map((kind) => core.map((secret) => [secret, `${kind}${secret}`])),
  core.map((secret) => [secret, `export ANTHROPIC_AUTH_TOKEN = "a ${secret}"`]),
  core.map((secret) => [secret, `ANTHROPIC_CUSTOM_HEADERS=x-team: a b ${secret}`]),
  core.map((secret) => [secret, `https://someone:${secret}@example.org/x.git`]),
);
const ordinary = fc
  .array(
    fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.constantFrom('bearer of news', 'Claude said:', 'https://x.org/', '\n', 'é 日本'),
    ),
    {
      maxLength: 6,
    },
  )
  .map((parts) => parts.join(' '));
const cuts = fc.array(fc.nat({ max: 400 }), { maxLength: 40 });

/** The pieces of `text` between these places. */
function cut(text: string, places: number[]): string[] {
  const sorted = [0, ...places.map((place) => place % (text.length + 1)).toSorted((a, b) => a - b), text.length];
  return sorted.slice(1).map((place, index) => text.slice(sorted[index], place));
}

function streamed(pieces: string[]): string {
  const stream = createScrubStream();
  return pieces.map((piece) => stream.push(piece)).join('') + stream.end();
}

describe('text that streams', () => {
  test('a secret never survives, wherever the stream cuts it', () => {
    fc.assert(
      fc.property(ordinary, planted, ordinary, cuts, (before, [secret = '', text = ''], after, places) => {
        expect(streamed(cut(`${before} ${text} ${after}`, places))).not.toContain(secret);
      }),
      { numRuns: 3_000 },
    );
  });

  test('a secret that comes a character at a time leaves nothing of itself', () => {
    expect(streamed([...'the key is sk-ant-api03-Zz9swordfishswordfish, keep it'])).toBe(
      `the key is sk-ant-${REDACTED}, keep it`,
    );
  });

  test('text without secrets comes out whole, in any pieces', () => {
    fc.assert(
      fc.property(ordinary, cuts, (text, places) => {
        fc.pre(scrub(text) === text);
        expect(streamed(cut(text, places))).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });

  test('only what may be the beginning of a secret waits', () => {
    const stream = createScrubStream();
    expect(stream.push('One two thr')).toBe('One two thr');
    expect(stream.push('ee, task')).toBe('ee, '); // `…sk` may go on as `sk-ant-`
    expect(stream.push(' four. Bearer ')).toBe('task four. ');
    expect(stream.push('of')).toBe('');
    expect(stream.push(' good news. ')).toBe('Bearer of good news. ');
    expect(stream.push('x'.repeat(100_000))).toHaveLength(100_000);
  });

  test('a word without an end is let go at last', () => {
    const stream = createScrubStream();
    const out = stream.push(`sk-ant-${'a'.repeat(50_000)}`);
    expect(out.length + stream.end().length).toBeLessThan(10_000);
  });

  test('hostile text costs its length', () => {
    const began = performance.now();
    const stream = createScrubStream();
    for (let n = 0; n < 2_000; n += 1) stream.push('claudeclaude');
    stream.end();
    expect(performance.now() - began).toBeLessThan(3_000);
  });
});
