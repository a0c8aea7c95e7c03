/** What went wrong, as one word that programs can compare. The edges map it to exit codes and HTTP statuses. */
export type ErrorCode =
  | 'usage' // the caller asked for something that makes no sense
  | 'invalid' // a file, a field or a configuration cannot be used
  | 'not_found'
  | 'ambiguous' // a shortened id fits several messages
  | 'conflict' // held by, or lost to, somebody else
  | 'refused' // policy forbids it
  | 'unavailable' // a program, a login, a disk or a network is missing
  | 'failed'; // it was tried and did not work

/** The one fault type of mailboxd. `hint` is the next step for the person who reads it. */
export class MailboxError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, more: { hint?: string; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'MailboxError';
    this.code = code;
    this.hint = more.hint;
  }
}

/** The `code` of a Node system error (`ENOENT`, …), or undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return undefined;
}

/** The text of any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
