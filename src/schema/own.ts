/** Values checked against the schemas of this package. */
import type { ErrorObject } from 'ajv';
import { explainErrors } from './ajv-errors.js';
import { compileSchema } from './compile.js';
import { nearestName } from './nearest.js';
import { type OwnSchemaName, readOwnSchema } from './own-schema.js';
import { ownValidator } from './own-validators.js';
import { type SchemaProblem, describeValue, pathOf, problemOf } from './problem.js';
import { DATA_CAPS, checkShape } from './shape.js';

function validate(name: OwnSchemaName, value: unknown): SchemaProblem[] {
  const shape = checkShape(value, DATA_CAPS);
  if (shape) return [shape];
  const check = ownValidator(name);
  return check(value) === true ? [] : explainErrors((check.errors ?? []) as ErrorObject[], { ours: true });
}

/** What is wrong with a message's front matter, a person's own keys left aside. Empty when it can be used. */
export function validateMessageFields(value: unknown): SchemaProblem[] {
  const problems = validate('message', value);
  if (problems.length > 0) return problems;
  const { options } = value as { options?: { output_schema?: unknown } };
  if (options?.output_schema === undefined) return [];
  const compiled = compileSchema(options.output_schema);
  if (compiled.ok) return [];
  const { problem } = compiled;
  return [
    problemOf({ ...problem, path: ['options.output_schema', problem.path].filter((part) => part !== '').join('.') }),
  ];
}

/** What is wrong with the content of a `config.yaml`; here an unknown key is a problem. */
export function validateConfig(value: unknown): SchemaProblem[] {
  return validate('config', value);
}

/**
 * Keys of a message that are kept and ignored, but look as if they were meant for us: a field mistyped, or an option
 * outside `options`. For `send` and `doctor` to show; never a reason to refuse.
 */
export function findStrayKeys(fields: Record<string, unknown>): SchemaProblem[] {
  const known = readOwnSchema('message').properties ?? {};
  const options = Object.keys(known['options']?.properties ?? {});
  const stray: SchemaProblem[] = [];
  for (const key of Object.keys(fields)) {
    if (Object.hasOwn(known, key)) continue;
    const option = options.find((name) => name === key);
    const near = option === undefined ? nearestName(key, Object.keys(known)) : undefined;
    if (option === undefined && near === undefined) continue;
    const found = `${describeValue(fields[key])} in a key that is not read`;
    const expected = option === undefined ? `a known field; did you mean ${near}?` : 'it below options';
    stray.push(problemOf({ path: pathOf('', key), found, expected }));
  }
  return stray;
}
