/**
 * How a run ended, decided from what the CLI said last. Pure. `is_error` decides, never the subtype: a CLI that is
 * not logged in ends in `subtype: "success", is_error: true`.
 */
import type { Outcome, RunError } from '../port.js';
import { errorCodeOf, errorTextOf } from './events.js';
import { asNumber, asText, type Fields } from './protocol.js';

/** An outcome without its figures. */
export type Verdict = Outcome extends infer Kind ? (Kind extends Outcome ? Omit<Kind, 'stats'> : never) : never;

/** A schema's verdict on a value: undefined when it fits, else what is wrong with it. */
export type Validator = (value: unknown) => string | undefined;

export interface Evidence {
  /** The last `result` line, if no turn was under way after it. */
  result: Fields | undefined;
  /** `error` of the last assistant line: `authentication_failed`, `rate_limit`, `overloaded`, … */
  apiError: string | undefined;
  /** The last `rate_limit_event` that said `rejected`. `until`: ms since 1970. */
  limit: { until: number | undefined } | undefined;
  /** How the process ended. */
  exit: { code: number | null; signal: string | null };
  /** The end of its stderr. */
  stderr: string;
  validate: Validator | undefined;
}

export const LOGIN_HINT = 'run `mailboxd login`, or set ANTHROPIC_API_KEY for the daemon';

export function judge(evidence: Evidence): Verdict {
  const { result } = evidence;
  if (!result) return judgeExit(evidence);
  if (result['is_error'] === true) return judgeError(result, evidence);
  const text = asText(result['result']) ?? '';
  const output = result['structured_output'];
  if (!evidence.validate) {
    return { kind: 'complete', result: text, ...(output === undefined ? {} : { structured_output: output }) };
  }
  const wrong = output === undefined ? 'the answer has no structured output' : evidence.validate(output);
  if (wrong !== undefined) return failed(true, 'output_schema', wrong);
  return { kind: 'complete', result: text, structured_output: output };
}

function judgeError(result: Fields, { apiError, limit, stderr }: Evidence): Verdict {
  const message = errorTextOf(result);
  const status = asNumber(result['api_error_status']);
  const session = judgeSession(`${message}\n${stderr}`);
  if (session) return session;
  if (isLoginProblem(apiError, status, message)) return { kind: 'parked', reason: 'login', message };
  // The servers may be busy without a limit of this account being used up: that passes within an attempt's backoff.
  if (/not your usage limit/i.test(message)) return failed(true, 'rate_limit', message);
  if (limit || apiError === 'rate_limit' || apiError === 'billing_error' || status === 429 || isLimitText(message)) {
    const until = limit?.until ?? resetIn(message);
    return { kind: 'parked', reason: 'usage_limit', message, ...(until === undefined ? {} : { until }) };
  }
  const code = errorCodeOf(result);
  if (code === 'error_max_turns') {
    return failed(false, code, message, 'raise options.max_turns, or make the task smaller');
  }
  if (code === 'error_max_budget_usd') {
    return failed(false, code, message, 'raise options.max_budget_usd, or make the task smaller');
  }
  if (code === 'error_max_structured_output_retries') return failed(true, 'output_schema', message);
  // What the API finds wrong with the request itself stays wrong.
  const hopeless = apiError === 'model_not_found' || [400, 403, 404, 405, 413, 422].includes(status ?? 0);
  return failed(!hopeless, code, message);
}

function judgeExit({ exit, stderr }: Evidence): Verdict {
  const said = stderr.trim();
  const session = judgeSession(said);
  if (session) return session;
  if (isLoginProblem(undefined, undefined, said)) return { kind: 'parked', reason: 'login', message: said };
  const how = exit.signal ? `was ended by ${exit.signal}` : `exited with code ${exit.code}`;
  const message = `claude ${how} before it gave a result${said ? `: ${said}` : ''}`;
  return failed(!/^error: (unknown option|option .* argument)/m.test(said), 'exit', message);
}

function judgeSession(said: string): Verdict | undefined {
  if (/No conversation found with session ID/i.test(said)) {
    const hint = 'start the task anew: its session is not on this machine, or belongs to another directory';
    return failed(false, 'session_not_found', 'the session to resume does not exist here', hint);
  }
  if (/Session ID \S+ is already in use/i.test(said)) {
    return failed(true, 'session_in_use', 'the session id was used before; another is needed');
  }
  return undefined;
}

function isLoginProblem(error: string | undefined, status: number | undefined, text: string): boolean {
  if (error === 'authentication_failed' || error === 'oauth_org_not_allowed' || status === 401) return true;
  return /^(Not logged in|Invalid API key|Invalid auth token|OAuth token (has expired|revoked))\b|Please run \/login/.test(
    text,
  );
}

function isLimitText(text: string): boolean {
  return /usage limit reached\|\d+|^You've (hit|reached) your .{0,40}limit|^Credit balance is too low/i.test(text);
}

/** The time in `usage limit reached|<seconds since 1970>`, as older versions write it, in ms. */
function resetIn(text: string): number | undefined {
  const seconds = /limit reached\|(\d{9,11})\b/.exec(text)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}

function failed(retry: boolean, code: string, message: string, hint?: string): Verdict {
  const error: RunError = { code, message, ...(hint === undefined ? {} : { hint }) };
  return { kind: 'failed', error, retry };
}
