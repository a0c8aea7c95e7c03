/** The exit codes, in one table. docs/cli.md documents them; scripts rely on them. */
import type { ErrorCode } from '../core/errors.js';

export const EXIT = {
  done: 0,
  /** It failed, or the answer is no. */
  failed: 1,
  /** Undecided, or still waiting. */
  waiting: 2,
  notFound: 3,
  /** Held by, or lost to, somebody else. */
  held: 4,
  /** Wrong usage or unreadable input, configuration included. */
  usage: 64,
  unavailable: 69,
  refused: 77,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_OF_ERROR: Readonly<Record<ErrorCode, ExitCode>> = {
  usage: EXIT.usage,
  invalid: EXIT.usage,
  ambiguous: EXIT.usage,
  not_found: EXIT.notFound,
  conflict: EXIT.held,
  refused: EXIT.refused,
  unavailable: EXIT.unavailable,
  failed: EXIT.failed,
};

/** The exit code of a message's end. */
export function exitOfOutcome(outcome: string): ExitCode {
  if (outcome === 'complete' || outcome === 'acknowledged') return EXIT.done;
  return outcome === 'refused' ? EXIT.refused : EXIT.failed;
}
