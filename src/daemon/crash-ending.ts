/** What becomes of a claimed message whose worker died with it. Pure. */
import type { CrashPolicy, ResultRecord, State } from '../core/message.js';

export interface CrashEnding {
  state: State;
  outcome: ResultRecord['outcome'];
  word: string;
  error?: NonNullable<ResultRecord['error']>;
}

/** Where a message goes whose worker is gone: back, unless it may not run again or a person has moved it. Pure. */
export function endAfterCrash(state: State, tooMany: number | undefined, policy: CrashPolicy | undefined): CrashEnding {
  if (state === 'failed' || state === 'complete') {
    const error = {
      code: 'cancelled',
      message: 'it was taken out of in_progress/, and its worker stopped without warning',
    };
    return { state, outcome: state === 'failed' ? 'cancelled' : 'complete', word: 'Cancelled', error };
  }
  if (tooMany !== undefined) {
    const hint = 'look at what it does to the machine before you retry it';
    const error = { code: 'max_crashes', message: `it was cut off with its worker ${tooMany} times`, hint };
    return { state: 'failed', outcome: 'failed', word: 'Failed', error };
  }
  if (policy === 'fail') {
    const hint = 'check what it did, then retry it';
    const error = { code: 'interrupted', message: 'its worker stopped without warning, and on_crash is fail', hint };
    return { state: 'failed', outcome: 'failed', word: 'Failed', error };
  }
  return { state: 'inbox', outcome: 'failed', word: '' };
}
