import { claimAll, type ClaimAnswer, type ClaimRequest } from './claim.js';
import type { ExchangeState } from './state.js';

export type ClaimReply = ClaimAnswer | { kind: 'offline' };

export interface AskedClaim {
  request: ClaimRequest;
  answer(value: ClaimReply): void;
}

/** Claims what was asked for, all at once, and answers each. True when something is to be published first. */
export async function answerClaims(state: ExchangeState, asked: readonly AskedClaim[]): Promise<boolean> {
  let answers: ClaimAnswer[];
  try {
    answers = await claimAll(
      state,
      asked.map(({ request }) => request),
    );
  } catch (error) {
    for (const { answer } of asked) answer({ kind: 'offline' });
    throw error;
  }
  for (const [index, { answer }] of asked.entries()) answer(answers[index] ?? { kind: 'gone' });
  return answers.some(({ kind }) => kind === 'unpublished');
}
