/** Turns ajv's errors (made with `verbose` and `allErrors`) into problems that a person can act on. */
import type { ErrorObject } from 'ajv';
import { nearestName } from './nearest.js';
import { type SchemaProblem, cutText, describeValue, pathOf, problemOf } from './problem.js';

/** `ours`: our own schemas, whose `title` is a short phrase for what is expected. */
export interface ExplainOptions {
  ours: boolean;
}

type Schema = Record<string, unknown>;

/** Nobody mends more at once, and a list of 100,000 wrong items makes as many. */
const MOST_ERRORS = 200;

const TYPE_WORDS: Record<string, string> = {
  string: 'text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  null: 'nothing',
};

function schemaOf(error: ErrorObject): Schema {
  const schema: unknown = error.parentSchema;
  return schema !== null && typeof schema === 'object' ? (schema as Schema) : {};
}

function listOf(values: readonly unknown[]): string {
  return cutText(values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join(', '), 300);
}

function expectedType(types: unknown): string {
  const names = (Array.isArray(types) ? types : [types]).filter((type) => type !== 'null');
  return names.map((type) => TYPE_WORDS[String(type)] ?? String(type)).join(' or ');
}

function expectedOf(error: ErrorObject, ours: boolean): string {
  const schema = schemaOf(error);
  const title = schema['title'];
  if (ours && typeof title === 'string' && error.keyword !== 'enum') return title;
  const params = error.params as Record<string, unknown>;
  switch (error.keyword) {
    case 'enum':
      return `one of ${listOf(params['allowedValues'] as unknown[])}`;
    case 'const':
      return cutText(JSON.stringify(params['allowedValue']));
    case 'type':
      return expectedType(schema['type'] ?? params['type']);
    case 'pattern':
      return `text that matches ${cutText(String(params['pattern']), 120)}`;
    case 'format':
      return `text of the format ${cutText(String(params['format']))}`;
    case 'minLength':
    case 'maxLength':
      return `${error.keyword === 'minLength' ? 'at least' : 'at most'} ${String(params['limit'])} characters`;
    case 'minItems':
    case 'maxItems':
      return `${error.keyword === 'minItems' ? 'at least' : 'at most'} ${String(params['limit'])} items`;
    case 'minProperties':
    case 'maxProperties':
      return `${error.keyword === 'minProperties' ? 'at least' : 'at most'} ${String(params['limit'])} keys`;
    case 'minimum':
      return `${String(params['limit'])} or more`;
    case 'maximum':
      return `${String(params['limit'])} or less`;
    case 'exclusiveMinimum':
      return `more than ${String(params['limit'])}`;
    case 'exclusiveMaximum':
      return `less than ${String(params['limit'])}`;
    case 'anyOf':
    case 'oneOf':
      return 'a value that fits one of the allowed forms';
    default:
      return `a value that ${error.message ?? 'fits the schema'}`;
  }
}

function foundOf(error: ErrorObject): string {
  if (schemaOf(error)['writeOnly'] === true) return 'a value that is not shown here';
  if (error.propertyName !== undefined) return `the key ${cutText(JSON.stringify(error.propertyName.slice(0, 61)))}`;
  const value: unknown = error.data;
  if (typeof value === 'string' && error.keyword.endsWith('Length')) return `${value.length} characters`;
  if (Array.isArray(value) && error.keyword.endsWith('Items')) return `${value.length} items`;
  return describeValue(value);
}

function unknownKey(error: ErrorObject, key: string): SchemaProblem {
  const known = Object.keys((schemaOf(error)['properties'] ?? {}) as object);
  const near = nearestName(key, known);
  const path = pathOf(error.instancePath, key);
  const found = 'an unknown key';
  if (near !== undefined) return problemOf({ path, found, expected: 'a known one', hint: `did you mean ${near}?` });
  return problemOf({ path, found, expected: known.length === 0 ? 'none' : `one of ${listOf(known)}` });
}

function explain(error: ErrorObject, ours: boolean): SchemaProblem {
  const params = error.params as Record<string, unknown>;
  if (error.keyword === 'additionalProperties') return unknownKey(error, String(params['additionalProperty']));
  if (error.keyword === 'unevaluatedProperties') return unknownKey(error, String(params['unevaluatedProperty']));
  if (error.keyword === 'required') {
    const key = String(params['missingProperty']);
    return problemOf({ path: pathOf(error.instancePath, key), found: 'nothing', expected: 'a value' });
  }
  if (error.keyword === 'dependentRequired') {
    const key = String(params['missingProperty']);
    const expected = `a value, since ${String(params['property'])} is set`;
    return problemOf({ path: pathOf(error.instancePath, key), found: 'nothing', expected });
  }
  return problemOf({
    path: pathOf(error.instancePath, ...(error.propertyName === undefined ? [] : [error.propertyName])),
    found: foundOf(error),
    expected: expectedOf(error, ours),
    hint: ours ? hintFor(error) : undefined,
  });
}

function hintFor(error: ErrorObject): string | undefined {
  const { type, pattern, not } = schemaOf(error) as {
    type?: unknown;
    pattern?: string;
    not?: { description?: string };
  };
  if (error.keyword === 'not') return not?.description;
  if (error.keyword !== 'type' || expectedType(type) !== 'text') return undefined;
  if (error.data === null && /\/\d+$/.test(error.instancePath))
    return 'YAML reads an empty item and a bare ~ as nothing';
  if (typeof error.data !== 'number' && typeof error.data !== 'boolean') return undefined;
  // YAML made a number of what would do as text.
  return pattern === undefined || new RegExp(pattern).test(String(error.data)) ? 'write it in quotes' : undefined;
}

/** One problem for each place, in the order in which ajv found them; of very many only the first. */
export function explainErrors(all: readonly ErrorObject[], options: ExplainOptions): SchemaProblem[] {
  const errors = all.slice(0, MOST_ERRORS);
  // The branches of a failed anyOf say less than the anyOf itself, and propertyNames repeats what its schema said.
  nameKeys(errors);
  const choices = errors.filter(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf');
  const telling = errors.filter(
    (error) =>
      error.keyword !== 'propertyNames' &&
      error.keyword !== 'if' &&
      !choices.some((choice) => choice !== error && isBranchOf(error, choice)),
  );
  const seen = new Set<string>();
  const problems: SchemaProblem[] = [];
  for (const error of telling.length > 0 ? telling : errors) {
    const problem = explain(error, options.ours);
    const key = problem.path + (error.keyword === 'enum' ? '' : `\n${problem.expected}`);
    if (seen.has(key)) continue;
    seen.add(key);
    problems.push(problem);
  }
  return problems;
}

/** Errors about a key, found through a `$ref`, do not say which key it was; the propertyNames error after them does. */
function nameKeys(errors: readonly ErrorObject[]): void {
  errors.forEach((outer, at) => {
    if (outer.keyword !== 'propertyNames') return;
    const key = String((outer.params as Record<string, unknown>)['propertyName']);
    for (let i = at - 1; i >= 0; i -= 1) {
      const inner = errors[i];
      if (inner?.instancePath !== outer.instancePath || inner.data !== key) break;
      inner.propertyName = key;
    }
  });
}

function isBranchOf(error: ErrorObject, choice: ErrorObject): boolean {
  return (
    (error.schemaPath.startsWith(`${choice.schemaPath}/`) || error.schemaPath.startsWith('#/$defs/')) &&
    (error.instancePath === choice.instancePath || error.instancePath.startsWith(`${choice.instancePath}/`))
  );
}
