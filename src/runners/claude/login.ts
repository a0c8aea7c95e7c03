/** Whether the CLI is there and signed in: told by the CLI itself, whose secrets are never read. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClaudeConfig } from '../../core/config.js';
import { MailboxError } from '../../core/errors.js';
import type { Availability } from '../port.js';
import { endProcesses, RUN_TAG, startChild } from '../process/index.js';
import { optionArguments } from './arguments.js';
import { startCli } from './cli-process.js';
import { claudeEnvironment, type SignIn } from './environment.js';
import { findClaude, tokenFile } from './places.js';
import { parseLine } from './protocol.js';
import { PATIENCE, runCli } from './run.js';
import { LOGIN_HINT } from './verdict.js';

/** Longest time one question to the CLI may take, ms. The answer comes in 0.4 s on an idle machine. */
const ANSWER_LIMIT = 20_000;
/** Longest time a trial of the login may take, ms. */
const PROBE_LIMIT = 45_000;

/**
 * Whether a task could run now: is the CLI there, does it start, and does it say that it is signed in? Whether the
 * API accepts that sign-in is only known after asking it: see `probeLogin`.
 */
export async function checkClaude(
  config: ClaudeConfig,
  from: NodeJS.ProcessEnv,
  signal?: AbortSignal,
): Promise<Availability> {
  const program = findClaude(config.path, from);
  if (!program) return missing(config.path);
  try {
    const { environment, signIn } = claudeEnvironment(config, from);
    const [version, status] = await Promise.all([
      ask(program, ['--version'], environment, signal),
      ask(program, ['auth', 'status', '--json'], environment, signal),
    ]);
    const number = versionIn(version.stdout);
    if (number === undefined) {
      const said = (version.stdout + version.stderr).trim().slice(0, 300);
      return unusable(`${program} does not answer as the Claude CLI does${said ? `: ${said}` : ''}`);
    }
    const told = parseLine(status.stdout);
    const name = `claude ${number}`;
    if (told && told['loggedIn'] !== true) {
      return { ok: false, message: `${name} is not signed in`, hint: LOGIN_HINT };
    }
    return { ok: true, message: `${name}, signed in by ${describe(signIn, from, told?.['authMethod'])}` };
  } catch (error) {
    if (error instanceof MailboxError) {
      return { ok: false, message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
    }
    throw error;
  }
}

function versionIn(said: string): string | undefined {
  return /^\d+\.\d+\.\d+\S*/.exec(said)?.[0];
}

/** What version the program says it is; undefined when it does not answer as the Claude CLI does. */
export async function versionOfClaude(
  program: string,
  config: ClaudeConfig,
  from: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  try {
    return versionIn((await ask(program, ['--version'], claudeEnvironment(config, from).environment)).stdout);
  } catch (error) {
    if (error instanceof MailboxError) return undefined;
    throw error;
  }
}

/**
 * Tries the login with the shortest possible question to a small model: costs a fraction of a cent. A used-up limit
 * counts as a working login, since nothing else could have told it.
 */
export async function probeLogin(
  config: ClaudeConfig,
  options: { environment?: NodeJS.ProcessEnv; profile?: string; limit?: number } = {},
): Promise<Availability> {
  const from = options.environment ?? process.env;
  const program = findClaude(config.path, from);
  if (!program) return missing(config.path);
  const session = randomUUID();
  const { environment, signIn } = claudeEnvironment(config, from, { session, profile: options.profile });
  const cwd = mkdtempSync(join(tmpdir(), 'mailboxd-probe-'));
  const args = optionArguments({ model: 'haiku', max_turns: 1, system_prompt: 'Answer with the word ok.' });
  const only = ['--tools=', '--no-session-persistence', `--session-id=${session}`];
  const hooks = { onEvent: () => undefined, onRaw: () => undefined, onSpawn: () => undefined };
  const run = runCli({
    cli: startCli({ argv: [program, ...args, ...only], cwd, environment, session }),
    prompt: 'ok?',
    plain: (text) => text,
    validate: undefined,
    hooks,
    patience: PATIENCE,
    released: () => rmSync(cwd, { recursive: true, force: true }),
  });
  const timer = setTimeout(() => void run.stop(), options.limit ?? PROBE_LIMIT);
  const outcome = await run.outcome;
  clearTimeout(timer);
  const by = describe(signIn, from, undefined);
  if (outcome.kind === 'complete') return { ok: true, message: `the login by ${by} works` };
  if (outcome.kind === 'stopped')
    return { ok: false, message: 'the API did not answer in time', hint: 'check the network' };
  if (outcome.kind === 'failed') return { ok: false, message: outcome.error.message, hint: 'try again later' };
  if (outcome.reason === 'usage_limit') return { ok: true, message: `the login by ${by} works; ${outcome.message}` };
  return { ok: false, message: `the login by ${by} does not work: ${outcome.message}`, hint: LOGIN_HINT };
}

function describe({ by }: SignIn, from: NodeJS.ProcessEnv, method: unknown): string {
  if (by === 'token file') return `the token in ${tokenFile(from)}`;
  if (by !== 'CLI login') return `${by} from the environment`;
  return typeof method === 'string' && method !== 'none' ? `the CLI's own login (${method})` : "the CLI's own login";
}

function missing(path: string): Availability {
  const where = path === 'claude' ? 'neither on PATH nor where `mailboxd setup` puts it' : `not at ${path}`;
  return {
    ok: false,
    message: `the Claude CLI was not found: ${where}`,
    hint: 'run `mailboxd setup`, or set runners.claude.path in .mailboxd/config.yaml',
  };
}

function unusable(message: string): Availability {
  return { ok: false, message, hint: 'run `mailboxd setup`, or check runners.claude.path in .mailboxd/config.yaml' };
}

/** Runs a short command of the CLI and returns what it printed; throws `unavailable` when it takes too long. */
export async function ask(
  program: string,
  args: string[],
  environment: Record<string, string>,
  signal?: AbortSignal,
): Promise<{ stdout: string; stderr: string; code: number | null }> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  const tag = randomUUID();
  const child = startChild({
    argv: [program, ...args],
    cwd: tmpdir(),
    environment: { ...environment, [RUN_TAG]: tag },
    onStdout: (chunk) => out.push(chunk),
    onStderr: (chunk) => err.push(chunk),
  });
  child.closeStdin();
  let late = false;
  const stop = (): void => {
    late = true;
    void endProcesses(tag, child.pid, { grace: 500 });
  };
  const timer = setTimeout(stop, ANSWER_LIMIT);
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  const end = await child.ended;
  clearTimeout(timer);
  signal?.removeEventListener('abort', stop);
  if (late) throw new MailboxError('unavailable', `${program} ${args.join(' ')} did not answer in time`);
  const stdout = Buffer.concat(out).toString('utf8').trim();
  const stderr = end.kind === 'spawn' ? end.message : Buffer.concat(err).toString('utf8').trim();
  return { stdout, stderr, code: end.kind === 'exit' ? end.code : null };
}
