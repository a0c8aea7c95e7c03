import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDocument, isMap, isScalar } from 'yaml';
import { editBlock, parseFields, readFields } from '../../src/format/front-matter.js';
import { scanOwnBlock } from '../../src/format/own-block.js';

const name = fc.constantFrom(
  'id',
  'subject',
  'claim',
  'runs',
  'metadata',
  'null',
  'True',
  '__proto__',
  '_x',
  'a1',
  'at',
);
const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom(
    '',
    '"',
    '\\',
    '\\"',
    'a: b',
    '# no',
    '- x',
    '2026-11-20',
    '0123',
    'null',
    '\u2028',
    '\u007f',
    '\ud800',
    ' ',
  ),
);
const number = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(0, -0, 1e21, 1e-7, 0.1, 12345678901234567168));
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    text,
    number,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.oneof(name, text), tie('value'), { maxKeys: 3 }),
  ),
}));
const fields = fc.dictionary(name, value, { maxKeys: 6 });

/** A piece of text that may turn our form into another. */
const noise = fc.oneof(
  fc.constantFrom(
    '\n',
    ' ',
    '  ',
    ':',
    ': ',
    ',',
    ', ',
    '"',
    '\\',
    '{ ',
    ' }',
    '[',
    ']',
    '#',
    ' #',
    '- ',
    '|',
    '>',
    '&a',
    '*a',
  ),
  fc.constantFrom(
    '!x',
    '?',
    "'",
    '~',
    '\t',
    '\r',
    '0',
    '-',
    '.',
    'e',
    'true',
    'null',
    'a: ',
    '\u0085',
    '\ufeff',
    '%',
    '@',
    '`',
  ),
);

const readOr = (read: (block: string) => unknown, block: string): unknown => {
  try {
    return read(block);
  } catch {
    return 'refused';
  }
};

/** What a person might write: words, and what is nearly that. */
const words = fc
  .array(
    fc.constantFrom(
      'say',
      'hello',
      'null',
      'True',
      '~',
      'a,b',
      '-',
      '#1',
      'x:',
      '12',
      'no',
      '(b)',
      'e-mail@x.org',
      '.',
      "it's",
    ),
    {
      minLength: 1,
      maxLength: 4,
    },
  )
  .map((all) => all.join(' '));

describe('front matter of our own form', () => {
  it('says what the real parser says, or leaves it to it', () => {
    const runs = 8_000;
    let scanned = 0;
    fc.assert(
      fc.property(
        fields,
        fc.array(words, { maxLength: 3 }),
        fc.array(fc.tuple(fc.nat(), fc.nat(3), noise), { maxLength: 2 }),
        (given, plain, edits) => {
          let block = editBlock('', given, '\n') + plain.map((text, n) => `w${n}: ${text}\n`).join('');
          for (const [at, cut, piece] of edits) {
            const start = at % (block.length + 1);
            block = block.slice(0, start) + piece + block.slice(start + cut);
          }
          const own = scanOwnBlock(block);
          if (!own) return;
          scanned += 1;
          expect(readOr(readFields, block)).toEqual(readOr(parseFields, block));
          const document = parseDocument(block);
          const pairs = isMap(document.contents) ? document.contents.items : [];
          expect(own.lines.map(({ key }) => key)).toEqual(pairs.map(({ key }) => isScalar(key) && key.value));
          expect(own.lines.map(({ start, end }) => block.slice(start, end)).join('')).toBe(block);
        },
      ),
      { numRuns: runs },
    );
    // Were everything declined, the property would say nothing.
    expect(scanned).toBeGreaterThan(runs / 50);
  });

  it('is what a message is written in', () => {
    const claim = { worker: 'server@build-2', epoch: 1, at: '2026-11-20T10:30:00Z', token: '1-abc', process: '12.34' };
    const run = { n: 1, outcome: 'complete', duration_ms: 12, cost_usd: 0.0125, reason: 'say "no": twice \\ \n' };
    const given = {
      id: 'x',
      type: 'task',
      to: 'server',
      attempts: 0,
      reply: true,
      claim,
      runs: [run, run],
      options: {},
    };
    const block = editBlock('', given, '\n');
    expect(scanOwnBlock(block)?.fields).toEqual(given);
    expect(parseFields(block)).toEqual(given);
    const edited = editBlock(block, { claim: undefined, to: 'other', result: { outcome: 'complete' } }, '\n');
    const { claim: _, to: __, ...rest } = given;
    expect(edited).toBe(editBlock('', { ...rest, to: 'other', result: { outcome: 'complete' } }, '\n'));
  });

  it.each([
    'subject: Say: hello\n',
    'subject: True\n',
    'subject: Say hello \n',
    'created: 2026-11-20\n',
    'subject: Say\n  hello\n',
    'a: "b"',
    'a:  "b"\n',
    'a: "b" # c\n',
    '# c\na: "b"\n',
    'a: "b"\na: "c"\n',
    'a: {b: 1}\n',
    'a: [1,2]\n',
    'a: -0\n',
    'a: 0123\n',
    'a: 1.\n',
    'a: 123456789012345678\n',
    'a: { null: 1 }\n',
    '__proto__: 1\n',
    'a: "\\x41"\n',
    'a:\n',
    'a:\n  - 1\n',
    'a: "b\n  c"\n',
    'a: "b"\r\n',
    `a: ${'['.repeat(20)}${']'.repeat(20)}\n`,
    '',
  ])('leaves %j to the real parser', (block) => {
    expect(scanOwnBlock(block)).toBeUndefined();
  });
});
