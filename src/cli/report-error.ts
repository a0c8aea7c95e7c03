/** The edge where faults become words and exit codes. */
import { type ErrorCode, MailboxError, messageOf, systemCode } from '../core/errors.js';
import { EXIT_OF_ERROR, type ExitCode } from './exit-codes.js';
import type { Io } from './io.js';
import { safeText } from './terminal-text.js';

/**
 * Says on stderr what went wrong and what to do, and with `--json` also on stdout, as
 * `{"error": {"code", "message", "hint"}}`.
 */
export function reportError(error: unknown, io: Io, json: boolean): ExitCode {
  const code = codeOf(error);
  const hint = error instanceof MailboxError ? error.hint : undefined;
  const message = messageOf(error);
  if (json) io.stdout.write(`${JSON.stringify({ error: { code, message, hint: hint ?? null } })}\n`);
  io.stderr.write(`mailboxd: ${safeText(message)}\n${hint === undefined ? '' : `  ${safeText(hint)}\n`}`);
  if (!(error instanceof MailboxError) && io.env['MAILBOXD_DEBUG'] && error instanceof Error) {
    io.stderr.write(`${error.stack ?? ''}\n`);
  }
  return EXIT_OF_ERROR[code];
}

/** What the system refuses (a permission, a full disk) is unavailable, whoever met it first. */
function codeOf(error: unknown): ErrorCode {
  if (error instanceof MailboxError) return error.code;
  return systemCode(error) === undefined ? 'failed' : 'unavailable';
}
