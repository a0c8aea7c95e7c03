/**
 * The one place that makes ajv instances, so that none is made without the guards: a stranger's patterns run in linear
 * time (re2js), `$data` and `loadSchema` stay off, and only a value's own properties count.
 *
 * ajv and re2js are loaded when the first instance is made: they take longer than a whole `mailboxd send`, which needs
 * neither (own-validators.ts).
 */
import { createRequire } from 'node:module';
import type { Ajv, Options } from 'ajv';
import type { Ajv2020 } from 'ajv/dist/2020.js';
import type { FormatsPlugin } from 'ajv-formats';
import type { RE2JS } from 're2js';

const require = createRequire(import.meta.url);

interface Matcher {
  test(text: string): boolean;
}

/** Makes of a JavaScript pattern one for an engine without backtracking. Throws for look-around and back-references. */
function loadLinearEngine(): NonNullable<NonNullable<Options['code']>['regExp']> {
  const { RE2JS: engine } = require('re2js') as { RE2JS: typeof RE2JS };
  const compilePattern = (pattern: string): Matcher => {
    const compiled = engine.compile(engine.translateRegExp(pattern));
    return { test: (text) => compiled.matcher(text).find(), toString: () => `/${pattern}/` } as Matcher;
  };
  // ajv wants to know how generated code would import the engine; ours is never written to a file.
  return Object.assign(compilePattern, { code: 'compilePattern' });
}

function load2020(): typeof Ajv2020 {
  return (require('ajv/dist/2020.js') as { Ajv2020: typeof Ajv2020 }).Ajv2020;
}

function loadDraft07(): typeof Ajv {
  return (require('ajv') as { Ajv: typeof Ajv }).Ajv;
}

function withFormats(ajv: Ajv): Ajv {
  return (require('ajv-formats') as { default: FormatsPlugin }).default(ajv);
}

const GUARDS: Options = {
  allErrors: true,
  verbose: true,
  ownProperties: true,
  allowUnionTypes: true,
  logger: false,
};

/**
 * For the schemas of this package. A test holds them valid, and their patterns linear in any engine, so that neither is
 * checked again here. `code`: how the build wants the generated code.
 */
export function createOwnAjv(code: NonNullable<Options['code']> = {}): Ajv {
  return withFormats(new (load2020())({ ...GUARDS, strict: true, validateSchema: false, code }));
}

/** For one schema of a stranger; never used twice, since a repeated `$id` throws. Unknown keywords are ignored. */
export function createForeignAjv(draft: '2020-12' | 'draft-07'): Ajv {
  const options: Options = { ...GUARDS, strict: false, code: { regExp: loadLinearEngine() } };
  return withFormats(draft === 'draft-07' ? new (loadDraft07())(options) : new (load2020())(options));
}
