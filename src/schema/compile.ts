/** Schemas from strangers: a message's `output_schema`, a module's contract. Neither may stop or slow the daemon. */
import type { ErrorObject, ValidateFunction } from 'ajv';
import { messageOf } from '../core/errors.js';
import { explainErrors } from './ajv-errors.js';
import { createForeignAjv } from './ajv-room.js';
import { runWithin } from './deadline.js';
import { type SchemaProblem, cutText, describeValue, problemOf } from './problem.js';
import { DATA_CAPS, SCHEMA_CAPS, checkShape } from './shape.js';

/** How long compiling a schema, or checking one value, may take, ms. */
const DEADLINE = 1_000;

export type CompiledSchema =
  | {
      ok: true;
      /** Empty when the value fits. Never throws. */
      validate(value: unknown): SchemaProblem[];
    }
  | { ok: false; problem: SchemaProblem };

/**
 * Compiles a JSON Schema of 2020-12 or, where `$schema` says so, draft-07. It must be complete in itself: nothing is
 * loaded from elsewhere. Never throws.
 */
export function compileSchema(schema: unknown): CompiledSchema {
  const draft = draftOf(schema);
  if (!draft.ok) return draft;
  const shape = checkShape(schema, SCHEMA_CAPS);
  if (shape) return { ok: false, problem: shape };
  try {
    // Made outside the deadline: the first time it loads ajv, which is not the schema's fault.
    const ajv = createForeignAjv(draft.name);
    const compiled = runWithin(DEADLINE, () => ajv.compile(schema as object | boolean));
    if (!compiled.done) return { ok: false, problem: tooSlow('a schema', 'compile') };
    const { value: check } = compiled;
    return { ok: true, validate: (value) => validateWith(check, value) };
  } catch (error) {
    return { ok: false, problem: notASchema(error) };
  }
}

function draftOf(schema: unknown): { ok: true; name: '2020-12' | 'draft-07' } | { ok: false; problem: SchemaProblem } {
  if (typeof schema === 'boolean') return { ok: true, name: '2020-12' };
  if (schema === null || typeof schema !== 'object' || Array.isArray(schema)) {
    return { ok: false, problem: problemOf({ path: '', found: describeValue(schema), expected: 'a JSON Schema' }) };
  }
  const fields = schema as Record<string, unknown>;
  const named: unknown = Object.hasOwn(fields, '$schema')
    ? fields['$schema']
    : 'https://json-schema.org/draft/2020-12/schema';
  const uri = typeof named === 'string' ? named : '';
  if (Object.hasOwn(fields, '$async')) {
    return {
      ok: false,
      problem: problemOf({ path: '$async', found: describeValue(fields['$async']), expected: 'no such key' }),
    };
  }
  if (/^https:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/.test(uri)) return { ok: true, name: '2020-12' };
  if (/^https?:\/\/json-schema\.org\/draft-07\/schema#?$/.test(uri)) return { ok: true, name: 'draft-07' };
  const expected = 'https://json-schema.org/draft/2020-12/schema or http://json-schema.org/draft-07/schema#';
  return { ok: false, problem: problemOf({ path: '$schema', found: describeValue(named), expected }) };
}

function validateWith(check: ValidateFunction, value: unknown): SchemaProblem[] {
  const shape = checkShape(value, DATA_CAPS);
  if (shape) return [shape];
  try {
    const checked = runWithin(DEADLINE, () => check(value) === true);
    if (!checked.done) return [tooSlow('a value', 'check')];
    return checked.value ? [] : explainErrors((check.errors ?? []) as ErrorObject[], { ours: false });
  } catch (error) {
    // A schema that refers to itself without end overflows the stack.
    const found = `a schema that cannot be applied (${cutText(messageOf(error))})`;
    return [problemOf({ path: '', found, expected: 'one that ends' })];
  }
}

function tooSlow(what: string, verb: string): SchemaProblem {
  const found = `${what} that takes more than ${DEADLINE} ms to ${verb}`;
  return problemOf({ path: '', found, expected: 'a simpler schema' });
}

function notASchema(error: unknown): SchemaProblem {
  const text = messageOf(error).replace(/^schema is invalid: data\/?/, '');
  const found = `a schema that cannot be used: ${cutText(text, 200)}`;
  const expected = 'a JSON Schema that is complete in itself, with patterns free of look-around and back-references';
  return problemOf({ path: '', found, expected });
}
