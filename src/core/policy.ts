/** Rights: what a message may do on this host (policy/decide.ts has the rules). Pure. */
export { type BoundedRequest, type Decision, type PolicyFacts, decidePolicy } from './policy/decide.js';
export { type Budget, type DayUse, type SpentToday } from './policy/budget.js';
export { endOfDay, startOfDay } from './policy/day.js';
export { isBelow } from './policy/dirs.js';
export { UNKNOWN_SENDER, limitsFor, senderOf } from './policy/limits.js';
export { type PolicyError } from './policy/refusal.js';
export { acceptsSender, maySay } from './policy/say.js';
export { coversTool } from './policy/tools.js';
