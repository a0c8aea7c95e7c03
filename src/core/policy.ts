/** Rights: what a message may do on this host (policy/decide.ts has the rules). Pure. */
export { type BoundedRequest, type PolicyFacts, decidePolicy, plainOptions } from './policy/decide.js';
export { endOfDay, startOfDay } from './policy/day.js';
export { isBelow } from './policy/dirs.js';
export { limitsFor } from './policy/limits.js';
export { acceptsSender, maySay } from './policy/say.js';
export { coversTool } from './policy/tools.js';
