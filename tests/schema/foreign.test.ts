import { describe, expect, it } from 'vitest';
import { compileSchema } from '../../src/schema/compile.js';
import { describeProblem } from '../../src/schema/problem.js';

function problemsOf(schema: unknown, value: unknown): string[] {
  const compiled = compileSchema(schema);
  if (!compiled.ok) throw new Error(describeProblem(compiled.problem));
  return compiled.validate(value).map(describeProblem);
}

function refusalOf(schema: unknown): string {
  const compiled = compileSchema(schema);
  return compiled.ok ? 'it compiles' : describeProblem(compiled.problem);
}

function nested(depth: number, wrap: (inner: unknown) => unknown, leaf: unknown = 1): unknown {
  let value = leaf;
  for (let i = 0; i < depth; i += 1) value = wrap(value);
  return value;
}

describe('a schema from a stranger', () => {
  const PERSON = {
    type: 'object',
    required: ['name'],
    properties: {
      name: { type: 'string' },
      age: { type: 'integer', minimum: 0 },
      mail: { type: 'string', format: 'email' },
    },
    additionalProperties: false,
  };

  it.each([
    ['a fit', { name: 'Ada', age: 36, mail: 'ada@example.com' }, []],
    ['a missing key', {}, ['name: found nothing, expected a value']],
    ['a wrong type', { name: 5 }, ['name: found 5, expected text']],
    [
      'two faults',
      { name: 'A', age: -1, mail: 'x' },
      ['age: found -1, expected 0 or more', 'mail: found "x", expected text of the format email'],
    ],
    ['a mistyped key', { name: 'A', agee: 1 }, ['agee: found an unknown key, expected a known one; did you mean age?']],
    ['another key', { name: 'A', zzz: 1 }, ['zzz: found an unknown key, expected one of name, age, mail']],
    ['a scalar', 'Ada', ['found "Ada", expected a mapping']],
  ])('explains %s', (_, value, expected) => {
    expect(problemsOf(PERSON, value)).toEqual(expected);
  });

  it('explains a failed choice once, without its branches', () => {
    const schema = { properties: { a: { anyOf: [{ type: 'string' }, { type: 'object', required: ['z'] }] } } };
    expect(problemsOf(schema, { a: {} })).toEqual([
      'a: found a mapping, expected a value that fits one of the allowed forms',
    ]);
  });

  it('names the key that does not fit propertyNames, behind a reference too', () => {
    const schema = {
      propertyNames: { $ref: '#/$defs/word' },
      $defs: { word: { pattern: '^[a-z]+$', maxLength: 9, type: 'string' } },
    };
    expect(problemsOf(schema, { 'A b': 1 })).toEqual([
      '["A b"]: found the key "A b", expected text that matches ^[a-z]+$',
    ]);
  });

  it.each([true, {}])('accepts the schema %j', (schema) => {
    expect(problemsOf(schema, { any: ['thing'] })).toEqual([]);
  });

  it('takes draft-07 where it says so, with tuples as items', () => {
    const schema = { $schema: 'http://json-schema.org/draft-07/schema#', items: [{ type: 'string' }] };
    expect(problemsOf(schema, [1])).toEqual(['[0]: found 1, expected text']);
  });

  it('takes recursion and the same $id again and again', () => {
    const tree = {
      $id: 'https://example.com/tree',
      type: 'object',
      properties: { next: { $ref: '#' }, v: { type: 'string' } },
    };
    for (let i = 0; i < 3; i += 1)
      expect(problemsOf(tree, { next: { next: { v: 1 } } })).toEqual(['next.next.v: found 1, expected text']);
  });

  it('counts only own properties', () => {
    expect(problemsOf({ required: ['constructor', 'toString'] }, {})).toHaveLength(2);
    expect(problemsOf({ properties: { constructor: { type: 'string' } } }, {})).toEqual([]);
    const value: unknown = JSON.parse('{"__proto__": {"admin": true}}');
    expect(problemsOf({ additionalProperties: false }, value)).toHaveLength(1);
  });

  it.each([
    ['no schema', 'text', /found "text", expected a JSON Schema/],
    ['a list', [], /expected a JSON Schema/],
    ['null', null, /expected a JSON Schema/],
    ['an unknown type', { type: 'strnig' }, /cannot be used/],
    ['a reference to elsewhere', { $ref: 'https://example.com/x.json' }, /complete in itself/],
    ['another draft', { $schema: 'http://json-schema.org/draft-04/schema#' }, /^\$schema|^\["\$schema"\]/],
    ['$async', { $async: true }, /async/],
    ['look-around', { pattern: '(?=a)b' }, /look-around/],
    ['a back-reference', { pattern: '(a)\\1' }, /back-references/],
    ['a broken pattern', { pattern: '(' }, /cannot be used/],
    ['$data, which stays off', { const: 1, maximum: { $data: '1/a' } }, /cannot be used/],
  ])('refuses %s', (_, schema, expected) => {
    expect(refusalOf(schema)).toMatch(expected);
  });
});

describe('a schema that is made to harm', () => {
  it('runs patterns in linear time', () => {
    const value = `${'a'.repeat(50_000)}!`;
    const started = performance.now();
    expect(problemsOf({ pattern: '^(a+)+$' }, value)).toHaveLength(1);
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it('refuses deep and large schemas and values before ajv sees them', () => {
    expect(refusalOf(nested(5_000, (inner) => ({ not: inner }), {}))).toMatch(/nested more than 64 deep/);
    expect(refusalOf({ enum: Array.from({ length: 10_001 }, (_, i) => i) })).toMatch(/more than 10000 values/);
    expect(
      problemsOf(
        {},
        nested(100_000, (inner) => [inner]),
      ),
    ).toEqual(['found a value nested more than 64 deep, expected a flatter one']);
    const ring: unknown[] = [];
    ring.push(ring);
    expect(problemsOf({}, ring)).toHaveLength(1);
  });

  it('gives up on checks that multiply', () => {
    const $defs: Record<string, unknown> = { a40: { type: 'string' } };
    for (let i = 0; i < 40; i += 1)
      $defs[`a${i}`] = { allOf: [{ $ref: `#/$defs/a${i + 1}` }, { $ref: `#/$defs/a${i + 1}` }] };
    const started = performance.now();
    expect(problemsOf({ $defs, $ref: '#/$defs/a0' }, 'x')).toEqual([
      'found a value that takes more than 1000 ms to check, expected a simpler schema',
    ]);
    expect(performance.now() - started).toBeLessThan(5_000);
    // The room is whole afterwards.
    expect(problemsOf({ type: 'string' }, 1)).toHaveLength(1);
  });

  it('reports a reference that never ends', () => {
    expect(problemsOf({ $ref: '#' }, 1)[0]).toMatch(/cannot be applied|takes more than/);
  });

  it('cuts what it shows', () => {
    const [problem] = problemsOf({ enum: ['x'.repeat(5_000)] }, 'y'.repeat(1_000_000));
    expect(problem?.length).toBeLessThan(500);
  });
});
