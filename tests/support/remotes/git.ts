import { execFile, type ExecFileException } from 'node:child_process';
import { testdir } from '../testdir.js';

/** How a git command went. `status` is its exit status, or null when it was killed. */
export interface GitResult {
  status: number | null;
  stdout: string;
  stderr: string;
}

/**
 * An environment in which git knows nothing of this machine: no configuration but the repository's own, no questions,
 * no agent, a name for commits. `home` is a folder of the test.
 */
export function gitEnvironment(home: string, name = 'Tester'): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: home,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: `${name.toLowerCase()}@example.test`,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: `${name.toLowerCase()}@example.test`,
  };
}

/** Runs git and resolves with how it went, whatever that is. It is killed after `timeout` ms, or by the signal. */
export function runGit(
  args: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv; timeout?: number; signal?: AbortSignal },
): Promise<GitResult> {
  return new Promise((resolve) => {
    const { cwd, env, timeout = 20_000, signal } = options;
    execFile('git', args, { cwd, env, timeout, signal, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : exitStatus(error), stdout, stderr });
    });
  });
}

function exitStatus(error: ExecFileException): number | null {
  return typeof error.code === 'number' ? error.code : null;
}

/** Runs git and returns what it printed, without the last line end; throws when it fails. */
export async function git(
  args: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv; timeout?: number },
): Promise<string> {
  const { status, stdout, stderr } = await runGit(args, options);
  if (status !== 0) throw new Error(`git ${args.join(' ')} ended with ${status}:\n${stderr}`);
  return stdout.trimEnd();
}

/** A repository with one commit on `main` whose `origin` is `url`, and an environment of its own. */
export async function cloneFor(
  url: string,
  options: { name?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<{ dir: string; env: NodeJS.ProcessEnv }> {
  const { name = 'Tester' } = options;
  const top = testdir({ 'home/': '', 'clone/': '' });
  const at = { cwd: `${top}/clone`, env: { ...gitEnvironment(`${top}/home`, name), ...options.env } };
  await git(['init', '-q', '-b', 'main'], at);
  await git(['remote', 'add', 'origin', url], at);
  await git(['commit', '-q', '--allow-empty', '-m', `The first commit of ${name}`], at);
  return { dir: at.cwd, env: at.env };
}
