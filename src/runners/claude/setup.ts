/** What `mailboxd setup` and `mailboxd login` do: install the CLI for this user, and sign it in. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import type { ClaudeConfig } from '../../core/config.js';
import { MailboxError, messageOf, systemCode } from '../../core/errors.js';
import { BASE_ENVIRONMENT, buildEnvironment, findProgram } from '../process/index.js';
import { CREDENTIALS, claudeEnvironment } from './environment.js';
import { ask } from './login.js';
import { dataDir, findClaude, installDir, installedProgram, tokenFile } from './places.js';

/** The version mailboxd is tested with; the last one that asks for no newer Node than 20. */
const CLAUDE_PACKAGE = '@anthropic-ai/claude-code@2.1.197';

/**
 * Installs the CLI for this user and returns its path and version. Runs npm in a new folder beside the final one and
 * puts it in place whole, so that a broken download never replaces a working CLI. npm runs no package's scripts; the
 * CLI's own last step, which puts the program for this machine in place, is run by name.
 * Throws `unavailable` when npm is missing or fails.
 */
export async function installClaude(
  options: { environment?: NodeJS.ProcessEnv; package?: string; onOutput?: (text: string) => void } = {},
): Promise<{ path: string; version: string }> {
  const from = options.environment ?? process.env;
  const npm = findProgram('npm', from);
  if (!npm) {
    throw new MailboxError('unavailable', 'npm was not found', {
      hint: 'install Node.js with npm, or the Claude CLI by hand',
    });
  }
  const target = installDir(from);
  const fresh = `${target}.new-${randomUUID().slice(0, 8)}`;
  const environment = buildEnvironment(from, [...BASE_ENVIRONMENT, 'npm_config_*', 'NPM_CONFIG_*']);
  const run = async (program: string, args: string[], cwd: string): Promise<void> => {
    const child = execa(program, args, { cwd, env: environment, extendEnv: false, stdin: 'ignore', all: true });
    child.all.on('data', (chunk: Buffer) => options.onOutput?.(chunk.toString('utf8')));
    await child;
  };
  await mkdir(fresh, { recursive: true, mode: 0o755 });
  try {
    const quiet = [
      '--no-audit',
      '--no-fund',
      '--no-save',
      '--no-package-lock',
      '--ignore-scripts',
      '--update-notifier=false',
    ];
    await run(npm, ['install', '--prefix', fresh, ...quiet, '--', options.package ?? CLAUDE_PACKAGE], fresh);
    const script = join(fresh, 'node_modules', '@anthropic-ai', 'claude-code', 'install.cjs');
    if (existsSync(script)) await run(process.execPath, [script], dirname(script));
    const answer = await ask(installedProgram(fresh), ['--version'], environment);
    const version = /^\d+\.\d+\.\d+\S*/.exec(answer.stdout)?.[0];
    if (version === undefined) throw new Error(`it does not start: ${answer.stderr || answer.stdout}`);
    await replace(fresh, target);
    return { path: installedProgram(target), version };
  } catch (error) {
    throw new MailboxError('unavailable', `the Claude CLI could not be installed: ${shortOf(error)}`, {
      hint: 'check the network and the npm registry, then run `mailboxd setup` again',
      cause: error,
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** Running processes keep the program they started with; the old folder goes after the new one is there. */
async function replace(fresh: string, target: string): Promise<void> {
  const old = `${fresh}-old`;
  await rename(target, old).catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error;
  });
  await rename(fresh, target);
  await rm(old, { recursive: true, force: true });
}

function shortOf(error: unknown): string {
  const fields = error as { all?: unknown; shortMessage?: unknown };
  const said = typeof fields.all === 'string' ? fields.all.trim().split('\n').slice(-3).join(' ') : '';
  const short = typeof fields.shortMessage === 'string' ? fields.shortMessage : messageOf(error);
  return said ? `${short} (${said.slice(0, 500)})` : short;
}

/** Keeps a token for the daemon, readable by this user alone, and returns the file's path. Throws `invalid`. */
export async function storeToken(token: string, environment: NodeJS.ProcessEnv = process.env): Promise<string> {
  const text = token.trim();
  if (!/^[\x21-\x7e]{16,4096}$/.test(text)) {
    throw new MailboxError('invalid', `found a token of ${text.length} characters that cannot be one`, {
      hint: 'pipe in one line, as `claude setup-token` prints it, or an API key',
    });
  }
  const file = tokenFile(environment);
  const temporary = `${file}.${randomUUID().slice(0, 8)}`;
  await mkdir(dataDir(environment), { recursive: true, mode: 0o700 });
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(`${text}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return file;
}

/** Variables a browser needs, which no task gets. */
const DESKTOP = ['DISPLAY', 'WAYLAND_DISPLAY', 'XAUTHORITY', 'DBUS_SESSION_BUS_ADDRESS', 'BROWSER', 'WSL_*'];

/**
 * Runs the CLI's own login on this terminal and returns whether it succeeded. A stored token would hide the new
 * login, so it is removed then. Throws `unavailable` when the CLI is missing.
 */
export async function runLogin(
  config: ClaudeConfig,
  options: { environment?: NodeJS.ProcessEnv; profile?: string } = {},
): Promise<boolean> {
  const from = options.environment ?? process.env;
  const program = findClaude(config.path, from);
  if (!program) {
    throw new MailboxError('unavailable', 'the Claude CLI was not found', { hint: 'run `mailboxd setup` first' });
  }
  const { environment, signIn } = claudeEnvironment(config, from, { profile: options.profile });
  const env: Record<string, string> = { ...buildEnvironment(from, DESKTOP), ...environment };
  if (signIn.by === 'token file') for (const name of CREDENTIALS) delete env[name];
  const { exitCode } = await execa(program, ['auth', 'login'], {
    env,
    extendEnv: false,
    stdio: 'inherit',
    reject: false,
  });
  if (exitCode !== 0) return false;
  if (options.profile === undefined) await rm(tokenFile(from), { force: true });
  return true;
}
