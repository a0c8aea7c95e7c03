// Compiles the schemas of this package to plain functions, and puts them in the place of dist/schema/own-validators.js,
// which would compile them each time mailboxd is started. Part of the build; runs after tsc.
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import standalone from 'ajv/dist/standalone/index.js';
import { createOwnAjv } from '../dist/schema/ajv-room.js';
import { readOwnSchema } from '../dist/schema/own-schema.js';

const target = new URL('../dist/schema/own-validators.js', import.meta.url);
const names = /** @type {const} */ (['message', 'config']);

const ajv = createOwnAjv({ source: true, esm: true });
for (const name of names) ajv.addSchema(readOwnSchema(name), name);
const code = standalone.default(ajv, Object.fromEntries(names.map((name) => [name, name])));

const whole = `// Generated from schemas/*.json by scripts/compile-schemas.mjs.
import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
${code.replace('"use strict";', '')}
const validators = { ${names.join(', ')} };
export function ownValidator(name) {
  return validators[name];
}
`;
// Whoever runs dist/ meanwhile finds one file or the other, never half of one.
const temporary = new URL(`${target.href}.${process.pid}`);
writeFileSync(temporary, whole);
renameSync(temporary, target);
rmSync(new URL(`${target.href}.map`), { force: true });
