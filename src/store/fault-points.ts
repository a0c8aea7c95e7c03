/**
 * Steps at which a test lets this process die. `MAILBOXD_FAULT=<step>:<nth>` in the environment at the start ends the
 * process with SIGKILL when it comes to that step for the nth time; `MAILBOXD_FAULT_REVERSE=<ordering>` turns one
 * ordering round, to show that the campaign (scripts/campaign.mjs) would see it. Without them, which is always so
 * outside of tests, both are undefined and a step costs one comparison.
 */
export type FaultStep =
  | 'delivered' // a new file stands in an inbox, not synced yet
  | 'claimed' // taken out of the inbox, not read yet
  | 'session written' // the claim with its session stands in in_progress/, nothing has run
  | 'held' // the original is set aside
  | 'mid-append' // a part of a piece of output is in the file
  | 'result written' // the end stands in its folder, not synced yet, the running file still in in_progress/
  | 'before the move' // the same, synced
  | 'after the move' // the running file is taken away, under a hidden name
  | 'ended'; // all moves are done; the held original and the reply are not

export type Reversal = 'unlink-before-link';

export const faultPoint = readFault(process.env['MAILBOXD_FAULT']);

export const reversed: Reversal | undefined =
  process.env['MAILBOXD_FAULT_REVERSE'] === 'unlink-before-link' ? 'unlink-before-link' : undefined;

function readFault(setting: string | undefined): ((step: FaultStep) => void) | undefined {
  const match = /^([a-z -]+):(\d+)$/.exec(setting ?? '');
  if (!match) return undefined;
  const [, wanted, nth] = match;
  let left = Number(nth);
  return (step) => {
    if (step !== wanted) return;
    left -= 1;
    if (left === 0) process.kill(process.pid, 'SIGKILL');
  };
}
