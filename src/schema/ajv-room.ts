/**
 * The one place that makes ajv instances, so that none is made without the guards: a stranger's patterns run in linear
 * time (re2js), `$data` and `loadSchema` stay off, and only a value's own properties count.
 */
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Options } from 'ajv';
import addFormats from 'ajv-formats';
import { RE2JS } from 're2js';

interface Matcher {
  test(text: string): boolean;
}

/** A pattern of JavaScript in an engine without backtracking. Throws for look-around and back-references. */
function compilePattern(pattern: string): Matcher {
  const compiled = RE2JS.compile(RE2JS.translateRegExp(pattern));
  return { test: (text) => compiled.matcher(text).find(), toString: () => `/${pattern}/` } as Matcher;
}

// ajv wants to know how generated code would import the engine; ours is never written to a file.
const regExp = Object.assign(compilePattern, { code: 'compilePattern' });

const GUARDS: Options = {
  allErrors: true,
  verbose: true,
  ownProperties: true,
  allowUnionTypes: true,
  logger: false,
};

/**
 * For the schemas of this package. A test holds them valid, and their patterns linear in any engine; checking that here
 * and running them in re2js would cost each start 14 MB and two thirds of the time.
 */
export function createOwnAjv(): Ajv {
  const ajv = new Ajv2020({ ...GUARDS, strict: true, validateSchema: false });
  addFormats.default(ajv);
  return ajv;
}

/** For one schema of a stranger; never used twice, since a repeated `$id` throws. Unknown keywords are ignored. */
export function createForeignAjv(draft: '2020-12' | 'draft-07'): Ajv {
  const options: Options = { ...GUARDS, strict: false, code: { regExp } };
  const ajv = draft === 'draft-07' ? new Ajv(options) : new Ajv2020(options);
  addFormats.default(ajv);
  return ajv;
}
