/** The lifecycle of a message: every step there is, from which states, to which. Everything else asks this table. */
import type { MessageType, State } from './message.js';

export const STEPS = {
  /** A worker takes a waiting task. */
  claim: { types: ['task'], from: ['inbox'], to: 'in_progress' },
  /** A file that cannot be used, or asks for more than policy allows. */
  refuse: { types: ['task', 'chat'], from: ['inbox'], to: 'failed' },
  /** An equal task's answer is used (`cache`). */
  answer: { types: ['task'], from: ['inbox'], to: 'complete' },
  complete: { types: ['task'], from: ['in_progress'], to: 'complete' },
  fail: { types: ['task'], from: ['in_progress', 'inbox'], to: 'failed' },
  /** Another attempt, a parked mailbox, a worker that stops or died. */
  hand_back: { types: ['task'], from: ['in_progress'], to: 'inbox' },
  /** Commands of a person, which `mv` gives as well. */
  cancel: { types: ['task', 'chat'], from: ['inbox', 'in_progress'], to: 'failed' },
  retry: { types: ['task', 'chat'], from: ['in_progress', 'complete', 'failed'], to: 'inbox' },
  acknowledge: { types: ['chat'], from: ['inbox'], to: 'complete' },
  reassign: { types: ['task', 'chat'], from: ['inbox', 'in_progress', 'complete', 'failed'], to: 'inbox' },
} as const satisfies Record<string, { types: readonly MessageType[]; from: readonly State[]; to: State }>;

export type Step = keyof typeof STEPS;

/** Whether a message of this type and state may take the step. */
export function canTake(step: Step, type: MessageType, state: State): boolean {
  const { types, from }: { types: readonly MessageType[]; from: readonly State[] } = STEPS[step];
  return types.includes(type) && from.includes(state);
}
