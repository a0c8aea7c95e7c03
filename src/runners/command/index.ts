/**
 * Runs any program: the prompt on stdin, the rest in the environment (environment.ts), the answer on stdout, the exit
 * code as the verdict. `output: text` takes stdout as the answer as it comes; `output: json` takes one event a line.
 * A run costs little more than its child: processes are searched only when something was left or has to be stopped.
 */
import { basename, isAbsolute } from 'node:path';
import type { CommandConfig } from '../../core/config.js';
import type { RunStats } from '../../core/message.js';
import type { Availability, Outcome, Run, RunHooks, RunRequest, Runner } from '../port.js';
import { type Child, endProcesses, findProgram, startChild } from '../process/index.js';
import { commandEnvironment } from './environment.js';
import { judge } from './outcome.js';
import { readOutput } from './output.js';

export interface CommandContext {
  /** Where variables are taken from; by default this process's own. */
  environment?: NodeJS.ProcessEnv;
}

/** How long a program may take to end after SIGTERM, ms. */
const STOP_GRACE = 2_000;

export function createCommandRunner(config: CommandConfig, context: CommandContext = {}): Runner {
  const environment = context.environment ?? process.env;
  return {
    name: 'command',
    can: { resume: false, say: false },
    check: async () => availability(config, environment),
    start: (request, hooks) => startRun(config, environment, request, hooks),
    close: async () => undefined,
  };
}

function availability(config: CommandConfig, environment: NodeJS.ProcessEnv): Availability {
  const name = config.argv?.[0];
  if (!name) {
    return { ok: false, message: 'no program is set', hint: 'set runners.command.argv in .mailboxd/config.yaml' };
  }
  const program = locate(name, { ...environment, ...config.env });
  if (program) return { ok: true, message: `runs ${program}` };
  const hint = 'give runners.command.argv an absolute path, or the name of a program on the PATH of the daemon';
  return { ok: false, message: `found no program ${JSON.stringify(name)} that this user may run`, hint };
}

/**
 * Found before the start and from nowhere near the task: a relative path would be looked up in the directory the
 * task runs in, where a message's files may lie.
 */
function locate(name: string, environment: NodeJS.ProcessEnv): string | undefined {
  if (!isAbsolute(name) && /[/\\]/.test(name)) return undefined;
  const found = findProgram(name, environment);
  return found !== undefined && isAbsolute(found) ? found : undefined;
}

function startRun(config: CommandConfig, from: NodeJS.ProcessEnv, request: RunRequest, hooks: RunHooks): Run {
  let child: Child | undefined;
  let stopped = false;
  let ended = false;

  async function run(): Promise<Outcome> {
    // Nothing is told before the caller holds the run.
    await Promise.resolve();
    const started = performance.now();
    const [name = '', ...args] = config.argv ?? [];
    const environment = commandEnvironment(from, config, request);
    const program = name === '' ? undefined : locate(name, environment);
    if (stopped) return { kind: 'stopped', stats: {} };
    if (program === undefined) {
      const { message, hint } = availability(config, from);
      return { kind: 'parked', reason: 'unavailable', message: hint ? `${message}; ${hint}` : message, stats: {} };
    }
    const output = readOutput(config.output, hooks);
    child = startChild({ argv: [program, ...args], cwd: request.cwd, environment, ...output });
    if (child.pid !== undefined) {
      hooks.onSpawn(child.pid);
      hooks.onEvent({ type: 'Start', session_id: request.session });
      hooks.onRaw(JSON.stringify({ type: 'stdin', text: request.prompt }));
      child.write(request.prompt);
      child.closeStdin();
    }
    const end = await child.ended;
    const stats: RunStats = { ...output.finish(), duration_ms: Math.round(performance.now() - started) };
    if (end.kind === 'exit' && end.left) {
      const left = await endProcesses(request.session, child.pid, { grace: STOP_GRACE });
      if (left > 0) status(hooks, `${left} processes of this run could not be ended`);
    }
    ended = true;
    if (stopped) return { kind: 'stopped', stats };
    const schema = request.options.output_schema;
    return judge({ program: basename(program), end, schema, stats, ...output.read() });
  }

  const outcome = run().then((result) => {
    tellEnd(result, hooks);
    return result;
  });
  let stopping: Promise<void> | undefined;
  return {
    outcome,
    say: () => false,
    stop: () => {
      stopping ??= (async () => {
        if (!ended) {
          stopped = true;
          if (child?.pid !== undefined) await endProcesses(request.session, child.pid, { grace: STOP_GRACE });
        }
        await outcome;
      })();
      return stopping;
    },
  };
}

/** The last event says how it ended, whatever the program itself has said. */
function tellEnd(outcome: Outcome, hooks: RunHooks): void {
  if (outcome.kind === 'complete') {
    const { result, structured_output: structured, stats } = outcome;
    hooks.onEvent({
      type: 'Result',
      result,
      ...(structured === undefined ? {} : { structured_output: structured }),
      ...stats,
    });
  } else if (outcome.kind === 'failed') {
    hooks.onEvent({ type: 'Error', code: outcome.error.code, message: outcome.error.message });
  } else if (outcome.kind === 'parked') {
    hooks.onEvent({ type: 'Error', code: outcome.reason, message: outcome.message });
  }
}

function status(hooks: RunHooks, content: string): void {
  hooks.onEvent({ type: 'Progress', kind: 'status', content });
}
