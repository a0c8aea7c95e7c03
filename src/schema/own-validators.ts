/**
 * The functions that check values against this package's schemas. Compiling the schemas costs 100 ms and needs all of
 * ajv, so `npm run build` compiles them once: scripts/compile-schemas.mjs puts code that it generates, with this same
 * export, in the place of dist/schema/own-validators.js. What stands here runs where src/ itself does, in the tests; one
 * of them holds both to the same answers.
 */
import type { ValidateFunction } from 'ajv';
import { createOwnAjv } from './ajv-room.js';
import { type OwnSchemaName, readOwnSchema } from './own-schema.js';

const validators = new Map<OwnSchemaName, ValidateFunction>();

export function ownValidator(name: OwnSchemaName): ValidateFunction {
  let check = validators.get(name);
  if (check === undefined) {
    check = createOwnAjv().compile(readOwnSchema(name));
    validators.set(name, check);
  }
  return check;
}
