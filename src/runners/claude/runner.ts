/**
 * The `claude` runner: the port, kept by the Claude Code CLI.
 *
 * One process for a task, JSON lines both ways (reference: `claude -p` with stream-json). What goes in is built from
 * lists: the arguments (arguments.ts), the environment (environment.ts), the text (prompt.ts). What comes out becomes
 * events (events.ts) and, at the end, an outcome (verdict.ts).
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClaudeConfig } from '../../core/config.js';
import { MailboxError, messageOf } from '../../core/errors.js';
import type { TaskOptions } from '../../core/message.js';
import { compileSchema } from '../../schema/compile.js';
import { describeProblem, describeProblems } from '../../schema/problem.js';
import type { Outcome, Run, RunHooks, Runner, RunRequest } from '../port.js';
import { endProcesses } from '../process/index.js';
import { optionArguments, sessionArguments } from './arguments.js';
import { type CliProcess, startCli } from './cli-process.js';
import { claudeEnvironment } from './environment.js';
import { checkClaude } from './login.js';
import { findClaude } from './places.js';
import { plainText } from './prompt.js';
import { PATIENCE, type Patience, runCli } from './run.js';
import type { Validator } from './verdict.js';
import { createWarmPool, type WarmProcess } from './warm.js';

export interface ClaudeContext {
  /** Directory for the scratch directories of warm processes: `<scratch>/<session>`. */
  scratch: string;
  /** By default this process's own. */
  environment?: NodeJS.ProcessEnv;
  /** The options that warm processes are started with: what a plain message has after the host's policy. */
  warmOptions?: TaskOptions;
  patience?: Partial<Patience>;
}

/** A runner with warm processes starts them at once; pass `warm: 0` where only `check` is wanted. */
export function createClaudeRunner(config: ClaudeConfig, context: ClaudeContext): Runner {
  const from = context.environment ?? process.env;
  const patience = { ...PATIENCE, ...context.patience };
  const running = new Set<Run>();
  const warmShape = shapeOf(context.warmOptions ?? {});
  const isWarmShape = (options: TaskOptions): boolean => warmShape !== undefined && shapeOf(options) === warmShape;
  const pool = createWarmPool({
    size: config.warm,
    scratch: context.scratch,
    start: (session, cwd) => {
      if (!findClaude(config.path, from)) return undefined;
      return spawn({ session, cwd, options: context.warmOptions ?? {}, resume: false, attachments: [] });
    },
  });

  type SpawnRequest = Pick<RunRequest, 'session' | 'cwd' | 'options' | 'resume' | 'attachments'> &
    Partial<Pick<RunRequest, 'profile' | 'traceparent'>>;

  /** Throws `invalid` for options that cannot be passed on, `unavailable` when the CLI is missing. */
  function spawn(request: SpawnRequest): CliProcess {
    const program = findClaude(config.path, from);
    if (!program) {
      throw new MailboxError('unavailable', `the Claude CLI was not found (${config.path})`, {
        hint: 'run `mailboxd setup`, or set runners.claude.path',
      });
    }
    const { session, cwd, options } = request;
    const { environment } = claudeEnvironment(config, from, request);
    const args = [
      ...optionArguments(options, request.attachments),
      ...sessionArguments(session, request.resume, options.resume_session),
    ];
    const servers = serversFile(session, options.mcp_servers ?? []);
    if (servers) args.push(`--mcp-config=${servers}`);
    return startCli({ argv: [program, ...args], cwd, environment, session });
  }

  /** The requested servers in a file of this user alone: what starts them can hold secrets, and arguments are public. */
  function serversFile(session: string, names: readonly string[]): string | undefined {
    if (names.length === 0) return undefined;
    const missing = names.find((name) => !Object.hasOwn(config.mcp_servers, name));
    if (missing !== undefined) {
      throw new MailboxError('invalid', `there is no MCP server ${JSON.stringify(missing)}`, {
        hint: 'add it under runners.claude.mcp_servers in .mailboxd/config.yaml',
      });
    }
    const file = serversPath(session);
    mkdirSync(context.scratch, { recursive: true });
    rmSync(file, { force: true });
    const mcpServers = Object.fromEntries(names.map((name) => [name, config.mcp_servers[name]]));
    writeFileSync(file, JSON.stringify({ mcpServers }), { mode: 0o600, flag: 'wx' });
    return file;
  }

  const serversPath = (session: string): string => join(context.scratch, `${session}.mcp.json`);

  function processFor(request: RunRequest): CliProcess {
    const warm = pool.claim(request.session);
    if (warm && fits(warm, request)) return warm.cli;
    if (warm) void endProcesses(warm.session, warm.cli.pid, { grace: 0 });
    return spawn(request);
  }

  function fits(warm: WarmProcess, request: RunRequest): boolean {
    const plain = !request.resume && request.attachments.length === 0 && request.profile === undefined;
    return plain && warm.cwd === request.cwd && isWarmShape(request.options) && warm.cli.isOpen();
  }

  return {
    name: 'claude',
    can: { resume: true, say: true },
    check: (signal) => checkClaude(config, from, signal),

    adopt(options, profile) {
      if (config.warm === 0 || profile !== undefined || !isWarmShape(options)) return undefined;
      const warm = pool.reserve();
      return warm && { session: warm.session, cwd: warm.cwd };
    },

    start(request, hooks) {
      let cli: CliProcess;
      let validate: Validator | undefined;
      try {
        const schema = request.options.output_schema;
        if (schema) validate = compileValidator(schema);
        cli = processFor(request);
      } catch (error) {
        return settled(error, hooks);
      }
      const dirs = [request.cwd, ...(request.options.add_dirs ?? []), ...request.attachments];
      const run = runCli({
        cli,
        prompt: request.prompt,
        plain: (text) => plainText(text, dirs),
        validate,
        hooks,
        patience,
        released: () => {
          running.delete(run);
          if (request.options.mcp_servers?.length) rmSync(serversPath(request.session), { force: true });
        },
      });
      running.add(run);
      return run;
    },

    async close() {
      await Promise.all([pool.close(), ...[...running].map((run) => run.stop())]);
    },
  };
}

function compileValidator(schema: Record<string, unknown>): Validator {
  const compiled = compileSchema(schema);
  if (!compiled.ok) throw new MailboxError('invalid', `options.output_schema: ${describeProblem(compiled.problem)}`);
  return (value) => {
    const problems = compiled.validate(value);
    return problems.length === 0 ? undefined : describeProblems(problems);
  };
}

/** Equal for options that make equal processes; undefined for those that need a process of their own. */
function shapeOf(options: TaskOptions): string | undefined {
  const { working_dir, resume_session, mcp_servers } = options;
  if (working_dir !== undefined || resume_session !== undefined || mcp_servers?.length) return undefined;
  try {
    return JSON.stringify(optionArguments(options));
  } catch {
    return undefined; // the start says what is wrong with them
  }
}

/** A run that ended before it began. */
function settled(error: unknown, hooks: RunHooks): Run {
  const fault = error instanceof MailboxError ? error : undefined;
  const parked = fault?.code === 'unavailable';
  const message = parked ? withHint(fault) : messageOf(error);
  const hint = fault?.hint === undefined ? {} : { hint: fault.hint };
  const outcome: Outcome = parked
    ? { kind: 'parked', reason: 'unavailable', message, stats: {} }
    : { kind: 'failed', error: { code: 'options', message, ...hint }, retry: false, stats: {} };
  const told = Promise.resolve().then(() => {
    hooks.onEvent({ type: 'Error', code: parked ? 'unavailable' : 'options', message });
    return outcome;
  });
  return { outcome: told, say: () => false, stop: () => told.then(() => undefined) };
}

function withHint(fault: MailboxError): string {
  return fault.hint === undefined ? fault.message : `${fault.message}; ${fault.hint}`;
}
