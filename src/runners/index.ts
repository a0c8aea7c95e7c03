/** The runners there are. A new one is a folder with a factory and one line in this list. */
import type { Config } from '../core/config.js';
import { MailboxError } from '../core/errors.js';
import { plainOptions } from '../core/policy.js';
import { createClaudeRunner } from './claude/index.js';
import { createCommandRunner } from './command/index.js';
import type { Runner } from './port.js';
import { createSimulatorRunner } from './simulator/index.js';

export interface RunnerContext {
  /** Absolute path of the directory below which a runner may keep scratch directories of its own. */
  scratch: string;
  /** Where variables for its programs are taken from; by default this process's own. */
  environment?: NodeJS.ProcessEnv;
}

const RUNNERS: Record<string, (config: Config, context: RunnerContext) => Runner> = {
  claude: (config, context) =>
    createClaudeRunner(config.runners.claude, { ...context, warmOptions: plainOptions(config) }),
  command: (config, context) => createCommandRunner(config.runners.command, context),
  simulator: (config, context) => createSimulatorRunner(config.runners.simulator, context),
};

/** In the order in which they are shown. */
export const RUNNER_NAMES: readonly string[] = Object.keys(RUNNERS);

/** The simulator in place of `claude` where `CLAUDE_MOCK_TEST=1` asks for it; else undefined. */
export function mockRunner(configured: string, environment: NodeJS.ProcessEnv): string | undefined {
  return configured === 'claude' && environment['CLAUDE_MOCK_TEST'] === '1' ? 'simulator' : undefined;
}

/** The runner that config or a message names. Throws `invalid` for a name that is none. */
export function createRunner(name: string, config: Config, context: RunnerContext): Runner {
  const create = Object.hasOwn(RUNNERS, name) ? RUNNERS[name] : undefined;
  if (create) return create(config, context);
  throw new MailboxError(
    'invalid',
    `found the runner ${JSON.stringify(name)}, expected one of ${RUNNER_NAMES.join(', ')}`,
    {
      hint: 'set `runner` in .mailboxd/config.yaml, or `options.runner` in the message',
    },
  );
}
