/** How the exchange is doing, for those who ask; what keeps it from working is told once, and when it is over. */
import type { ExchangeHooks } from './state.js';

export interface ExchangeStatus {
  /** When the remote was last reached, ms since 1970. */
  reached: number | undefined;
  /** What keeps it from working; undefined: nothing. */
  problem: { message: string; hint: string | undefined } | undefined;
  rounds: number;
  main: string | undefined;
}

/** Takes what is wrong now, undefined for nothing. */
export function createTeller(
  hooks: ExchangeHooks,
  status: ExchangeStatus,
): (problem: { message: string; hint?: string | undefined } | undefined) => void {
  let told = '';
  return (problem) => {
    const text = problem?.message ?? '';
    if (text === told) return;
    if (problem) {
      const { message, hint } = problem;
      hooks.onEvent({ type: 'trouble', message, ...(hint !== undefined && { hint }) });
    } else if (status.problem) hooks.onEvent({ type: 'trouble', message: 'the exchange goes on' });
    told = text;
    status.problem = problem && { message: problem.message, hint: problem.hint };
  };
}
