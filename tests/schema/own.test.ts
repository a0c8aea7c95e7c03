/** What the code takes for granted about the schemas of this package. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compileSchema } from '../../src/schema/index.js';
import { readOwnSchema } from '../../src/schema/own-schema.js';

function patternsIn(value: unknown): string[] {
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'pattern' && typeof inner === 'string' ? [inner] : patternsIn(inner),
  );
}

describe.each(['message', 'config'] as const)('schemas/%s.schema.json', (name) => {
  const schema = readOwnSchema(name);

  it('is a JSON Schema of 2020-12, and can be used with patterns in linear time', () => {
    expect(schema).toMatchObject({ $schema: 'https://json-schema.org/draft/2020-12/schema' });
    const compiled = compileSchema(schema);
    expect(compiled).toMatchObject({ ok: true });
    if (compiled.ok) expect(compiled.validate({})).toEqual([]);
  });

  it('has patterns that no text slows down in an engine that backtracks', () => {
    const patterns = [...new Set(patternsIn(schema))];
    expect(patterns.length).toBeGreaterThan(8);
    const pieces = [
      'a',
      'A1',
      '0',
      '0.',
      '.',
      '-',
      '_',
      ' ',
      '/',
      'a/',
      '../',
      '(',
      'a(',
      '*',
      'ms',
      'con',
      '\\',
      '~',
      '[',
      '2026-',
    ];
    for (const pattern of patterns) {
      const regex = new RegExp(pattern);
      const started = performance.now();
      for (const piece of pieces) regex.test(`${piece.repeat(65_536 / piece.length)}\u0000`);
      expect(performance.now() - started, pattern).toBeLessThan(1_000);
    }
  });

  it('is the file that is published', () => {
    const files = (
      JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { files: string[] }
    ).files;
    expect(files).toContain('schemas');
  });
});
