import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeText } from '../../../src/core/merge/text.js';

const merge = (base: string, one: string, other: string, encoding: BufferEncoding = 'utf8'): string | undefined => {
  const merged = mergeText(Buffer.from(base, encoding), Buffer.from(one, encoding), Buffer.from(other, encoding));
  return merged === undefined ? undefined : Buffer.from(merged).toString(encoding);
};

describe('the merge by line', () => {
  it.each([
    ['apart', 'a\nb\nc\nd\n', 'A\nb\nc\nd\n', 'a\nb\nc\nD\n', 'A\nb\nc\nD\n'],
    ['the same change and another', 'a\nb\nc\nd\n', 'A\nb\nc\nd\n', 'A\nb\nc\nD\n', 'A\nb\nc\nD\n'],
    ['an insertion and a deletion', 'a\nb\nc\nd\n', 'a\nx\nb\nc\nd\n', 'a\nb\nc\n', 'a\nx\nb\nc\n'],
    ['line ends', 'a\r\nb\r\nc\r\nd', 'A\r\nb\r\nc\r\nd', 'a\r\nb\r\nc\r\nd\r\n', 'A\r\nb\r\nc\r\nd\r\n'],
    [
      'names that objects have',
      '__proto__\nb\nconstructor\n',
      'x\n__proto__\nb\nconstructor\n',
      '__proto__\nb\ny\n',
      'x\n__proto__\nb\ny\n',
    ],
    ['any letters', 'ä\n\nø\n\n☃\n', 'ä!\n\nø\n\n☃\n', 'ä\n\nø\n\n☃!\n', 'ä!\n\nø\n\n☃!\n'],
  ])('%s', (_, base, one, other, merged) => {
    expect(merge(base, one, other)).toBe(merged);
    expect(merge(base, other, one)).toBe(merged);
  });

  it.each([
    ['the same line', 'a\nb\n', 'A\nb\n', 'x\nb\n'],
    ['lines that touch', 'a\nb\nc\n', 'A\nb\nc\n', 'a\nB\nc\n'],
    ['two insertions in one place', 'a\nb\n', 'a\nx\nb\n', 'a\ny\nb\n'],
    ['two ends', 'a\n', 'a\nx', 'a\ny'],
    ['bytes that are no text', 'a\0\nb\nc\n', 'A\0\nb\nc\n', 'a\0\nb\nC\n'],
    ['too big', `a\n${'b\n'.repeat(600_000)}c\n`, `A\n${'b\n'.repeat(600_000)}c\n`, `a\n${'b\n'.repeat(600_000)}C\n`],
    ['a key twice', '---\na: 1\nb: 2\n---\n', '---\nx: 1\na: 1\nb: 2\n---\n', '---\na: 1\nb: 2\nx: 3\n---\n'],
  ])('%s is left to the caller', (_, base, one, other) => expect(merge(base, one, other)).toBeUndefined());

  it('keeps bytes that are no UTF-8', () => {
    expect(merge('\xff\nb\n\xfe\n', '\xff!\nb\n\xfe\n', '\xff\nb\n\xfe!\n', 'latin1')).toBe('\xff!\nb\n\xfe!\n');
  });

  it('takes no time over a hostile file', () => {
    const equal = 'x\n'.repeat(200_000);
    const start = performance.now();
    merge(`a\n${equal}b\n`, `${equal}y\n${equal}`, `z\n${equal}${equal}`);
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it('a merge has every line that one side added, and no other', () => {
    const lines = fc.array(fc.constantFrom('a\n', 'b\n', 'c\n', '\n'), { maxLength: 8 });
    fc.assert(
      fc.property(lines, lines, lines, (base, one, other) => {
        const merged = merge(base.join(''), one.join(''), other.join(''));
        if (merged === undefined) return;
        const known = new Set([...base, ...one, ...other]);
        for (const line of merged.match(/[^\n]*\n/g) ?? []) expect(known).toContain(line);
        if (one.join('') === base.join('')) expect(merged).toBe(other.join(''));
      }),
      { numRuns: 1_000, seed: 3 },
    );
  });
});
