/**
 * What runners that start programs share. Every process of a run carries `MAILBOXD_RUN=<session>`, and the first one
 * leads a process group: so whatever it starts is found again, by tag, group or descent, by this daemon or the next.
 */
export { type Child, type ChildEnd, startChild } from './child.js';
export { endProcesses } from './end.js';
export { BASE_ENVIRONMENT, buildEnvironment } from './environment.js';
export { findRun, findTagged, RUN_TAG } from './find.js';
export { isAlive, processId } from '../../host/process-id.js';
export { createLineReader } from './lines.js';
export { findProgram } from './program.js';
