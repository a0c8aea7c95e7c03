/** Schemas: our own (`schemas/*.json`) and those of strangers, both checked by ajv and explained to people. */
export { type CompiledSchema, compileSchema } from './compile.js';
export { findStrayKeys, validateConfig, validateMessageFields } from './own.js';
export { type SchemaProblem, describeProblems } from './problem.js';
