/** A smallest value that fits a simple JSON Schema. What is not simple is refused by name, never guessed at. */
import { MailboxError } from '../../core/errors.js';

type Schema = Record<string, unknown>;

/** Keywords that say nothing about the value, or that the smallest value keeps by itself. */
const HARMLESS = new Set([
  ...['$schema', '$id', '$comment', 'title', 'description', 'examples', 'deprecated', 'readOnly', 'writeOnly'],
  ...['additionalProperties', 'unevaluatedProperties', 'maxProperties', 'maxItems', 'maxLength', 'errorMessage'],
]);
const HANDLED: Record<string, readonly string[]> = {
  object: ['properties', 'required'],
  array: ['items', 'minItems'],
  string: ['minLength', 'format'],
  number: ['minimum', 'maximum'],
  integer: ['minimum', 'maximum'],
  boolean: [],
  null: [],
};
const FORMATS: Record<string, string> = {
  'date-time': '2026-01-01T00:00:00Z',
  date: '2026-01-01',
  time: '00:00:00Z',
  email: 'simulated@example.org',
  uri: 'https://example.org/simulated',
  uuid: '00000000-0000-4000-8000-000000000000',
};
const MAX_DEPTH = 20;

/** Throws `invalid` with the path and the keyword that it cannot satisfy. */
export function sampleOf(schema: unknown, path = '#', depth = 0): unknown {
  if (schema === true) return 'simulated';
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) throw unsupported(path, 'this schema');
  if (depth > MAX_DEPTH) throw unsupported(path, `more than ${MAX_DEPTH} levels`);
  const rules = schema as Schema;
  if ('const' in rules) return rules['const'];
  if (Array.isArray(rules['enum']) && rules['enum'].length > 0) return rules['enum'][0];
  const type = typeOf(rules);
  const handled = HANDLED[type];
  if (!handled) throw unsupported(path, `the type ${JSON.stringify(type)}`);
  const foreign = Object.keys(rules).find((key) => !HARMLESS.has(key) && !handled.includes(key) && !NEUTRAL.has(key));
  if (foreign !== undefined) throw unsupported(path, `the keyword ${JSON.stringify(foreign)}`);
  if ('default' in rules) return rules['default'];
  switch (type) {
    case 'object':
      return sampleObject(rules, path, depth);
    case 'array': {
      const count = numberOf(rules['minItems']) ?? 0;
      if (count > 100) throw unsupported(path, `${count} items`);
      return Array.from({ length: count }, () => sampleOf(rules['items'] ?? true, `${path}/items`, depth + 1));
    }
    case 'string':
      return sampleString(rules, path);
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      return sampleNumber(rules, path, type === 'integer');
  }
}

const NEUTRAL = new Set(['type', 'default']);

function typeOf(rules: Schema): string {
  const type: unknown = Array.isArray(rules['type']) ? rules['type'][0] : rules['type'];
  if (typeof type === 'string') return type;
  if ('properties' in rules || 'required' in rules) return 'object';
  return 'items' in rules ? 'array' : 'string';
}

function sampleObject(rules: Schema, path: string, depth: number): Record<string, unknown> {
  const properties = (rules['properties'] ?? {}) as Schema;
  const required = (Array.isArray(rules['required']) ? rules['required'] : []).filter((key) => typeof key === 'string');
  const value: Record<string, unknown> = {};
  for (const key of required) {
    const rule = Object.hasOwn(properties, key) ? properties[key] : true;
    const made = sampleOf(rule, `${path}/properties/${key}`, depth + 1);
    // Not by assignment: a property may be called __proto__.
    Object.defineProperty(value, key, { value: made, enumerable: true, writable: true, configurable: true });
  }
  return value;
}

function sampleString(rules: Schema, path: string): string {
  const format = rules['format'];
  if (format !== undefined) {
    const known = typeof format === 'string' && Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined;
    if (known === undefined) throw unsupported(path, `the format ${JSON.stringify(format)}`);
    return known;
  }
  const least = numberOf(rules['minLength']) ?? 0;
  if (least > 10_000) throw unsupported(path, `${least} characters`);
  const most = numberOf(rules['maxLength']) ?? Number.POSITIVE_INFINITY;
  return 'simulated'.padEnd(least, '.').slice(0, most);
}

function sampleNumber(rules: Schema, path: string, whole: boolean): number {
  const least = numberOf(rules['minimum']) ?? Number.NEGATIVE_INFINITY;
  const most = numberOf(rules['maximum']) ?? Number.POSITIVE_INFINITY;
  const nearest = Math.min(Math.max(0, least), most);
  const value = whole ? (nearest < 0 ? Math.floor(nearest) : Math.ceil(nearest)) : nearest;
  if (value < least || value > most) throw unsupported(path, 'these bounds');
  return value;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function unsupported(path: string, what: string): MailboxError {
  return new MailboxError('invalid', `the simulator cannot make up a value for ${what} at ${path}`, {
    hint: 'give it the value: a line `simulate: answer {"…": …}` in the prompt',
  });
}
