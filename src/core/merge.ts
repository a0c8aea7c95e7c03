/** The merge by message: two sides' changes become one tree that holds both (merge/changes.ts has the rules). Pure. */
export { blobId } from './merge/blob-id.js';
export type { Change, FileVersion, MergeNote, MergeResult } from './merge/change.js';
export { mergeChanges } from './merge/changes.js';
export { clashPath } from './merge/clash.js';
export { mergeFinish } from './merge/finish.js';
export { pairChanges } from './merge/pair.js';
export { locate } from './merge/place.js';
export type { RunRules } from './merge/run.js';
