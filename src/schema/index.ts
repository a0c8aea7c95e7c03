/** Schemas: our own (`schemas/*.json`) and those of strangers, both checked by ajv and explained to people. */
export { compileSchema } from './compile.js';
export { findStrayKeys, validateMessageFields } from './own.js';
export { describeProblems } from './problem.js';
