/**
 * Every git that mailboxd starts goes through here: no hooks, no fsmonitor, no filters, no signing, no questions, and
 * only the environment it needs. What a working tree or its `.git/config` says can change nothing of that.
 */
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { MailboxError } from '../core/errors.js';

/** Switches off what a repository's or a person's configuration would run or change. */
export const HARDENED: readonly string[] = [
  ...['core.hooksPath=/dev/null', 'core.fsmonitor=false', 'core.attributesFile=/dev/null', 'core.autocrlf=false'],
  ...['commit.gpgSign=false', 'tag.gpgSign=false', 'push.gpgSign=false', 'gc.auto=0', 'maintenance.auto=false'],
  ...['core.quotePath=false', 'protocol.ext.allow=never', 'submodule.recurse=false', 'fetch.recurseSubmodules=false'],
  ...[
    'push.recurseSubmodules=no',
    'push.followTags=false',
    'fetch.writeCommitGraph=false',
    'advice.detachedHead=false',
  ],
  ...['push.pushOption=', 'push.negotiate=false', 'log.showSignature=false', 'color.ui=false', 'color.push=false'],
  ...['color.transport=false', 'fetch.pruneTags=false', 'i18n.logOutputEncoding=UTF-8', 'core.alternateRefsCommand='],
  ...['http.lowSpeedLimit=1', 'http.lowSpeedTime=30', 'core.untrackedCache=false'],
].flatMap((setting) => ['-c', setting]);

/** What a person sets to reach their remote, and nothing else of their environment. */
const PASSED = [
  ...['PATH', 'HOME', 'USERPROFILE', 'XDG_CONFIG_HOME', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot', 'USER', 'LOGNAME'],
  ...['SSH_AUTH_SOCK', 'SSH_AGENT_PID', 'GIT_SSH', 'GIT_SSH_COMMAND', 'GIT_ASKPASS', 'SSH_ASKPASS'],
  ...[
    'http_proxy',
    'https_proxy',
    'no_proxy',
    'HTTPS_PROXY',
    'NO_PROXY',
    'ALL_PROXY',
    'GIT_SSL_CAINFO',
    'SSL_CERT_FILE',
  ],
  ...['GIT_CONFIG_NOSYSTEM', 'GIT_CONFIG_GLOBAL', 'GIT_CONFIG_SYSTEM', 'LD_LIBRARY_PATH', 'NODE_V8_COVERAGE'],
];

export interface GitResult {
  code: number;
  stdout: Buffer;
  stderr: string;
}

export interface GitRunOptions {
  input?: string | Uint8Array;
  /** ms; the process is ended then and the call throws `unavailable`. */
  timeout?: number;
  signal?: AbortSignal;
  env?: Record<string, string>;
}

/** What git is started with: `environment` less everything that could lead it elsewhere. */
export function gitEnvironment(environment: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const env: Record<string, string> = { LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0', GIT_OPTIONAL_LOCKS: '0' };
  for (const name of PASSED) {
    const value = environment[name];
    if (value !== undefined && value !== '') env[name] = value;
  }
  if (env['GIT_SSH_COMMAND'] === undefined && env['GIT_SSH'] === undefined) env['GIT_SSH_COMMAND'] = sshCommand();
  return env;
}

let ssh: string | undefined;

/** ssh that asks nothing and keeps its connection for the next call: that takes half of each call's time. */
function sshCommand(): string {
  if (ssh !== undefined) return ssh;
  const base = 'ssh -o BatchMode=yes -o ConnectTimeout=15';
  ssh = base;
  if (process.platform !== 'win32') {
    const dir = join(tmpdir(), `mailboxd-ssh-${process.getuid?.() ?? 0}`);
    try {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      if (dir.length < 50 && !/\s/.test(dir))
        ssh = `${base} -o ControlMaster=auto -o ControlPath=${dir}/%C -o ControlPersist=60`;
    } catch {
      // without a kept connection then
    }
  }
  return ssh;
}

/** Longest a call may take by itself, ms. */
const LONGEST = 120_000;

/**
 * Runs git in `dir`. Never throws for an exit status: the caller decides what it means. Throws `unavailable` when git
 * cannot be started or took longer than `timeout`.
 */
export async function runGit(dir: string, args: readonly string[], options: GitRunOptions = {}): Promise<GitResult> {
  const { input, timeout = LONGEST, signal, env } = options;
  const isGroup = process.platform !== 'win32';
  const running = execa('git', [...HARDENED, ...args], {
    cwd: dir,
    env: { ...gitEnvironment(), ...env },
    extendEnv: false,
    encoding: 'buffer',
    reject: false,
    stripFinalNewline: false,
    // git's helpers (git-remote-http, ssh) outlive it: the whole group is ended.
    detached: isGroup,
    ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
  });
  let timedOut = false;
  const end = (): void => {
    try {
      if (running.pid !== undefined) process.kill(isGroup ? -running.pid : running.pid, 'SIGKILL');
    } catch {
      // it has just ended
    }
  };
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, timeout);
  signal?.addEventListener('abort', end, { once: true });
  if (signal?.aborted) end();
  const result = await running.finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', end);
  });
  const { failed, exitCode, code } = result;
  if (failed && code === 'ENOENT') {
    throw new MailboxError('unavailable', 'found no git on PATH, expected git 2.29 or later', {
      hint: 'install it: apt-get install git (Debian), brew install git (macOS)',
    });
  }
  const doing = args.find((arg) => !arg.startsWith('-')) ?? 'git';
  if (timedOut) {
    throw new MailboxError('unavailable', `git ${doing} took longer than ${timeout / 1000} s`, {
      hint: 'look at the connection to the remote; it is tried again',
    });
  }
  if (signal?.aborted) throw new MailboxError('unavailable', `git ${doing} was broken off`);
  const stderr = Buffer.from(result.stderr ?? []).toString('utf8');
  return { code: exitCode ?? 255, stdout: Buffer.from(result.stdout ?? []), stderr };
}

/** Runs git and returns what it printed, trimmed. Throws `failed` with what git said for any other status than 0. */
export async function readGit(dir: string, args: readonly string[], options: GitRunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await runGit(dir, args, options);
  if (code !== 0) throw gitFault(args, stderr);
  return stdout.toString('utf8').trim();
}

/** What git said, as a fault. */
export function gitFault(args: readonly string[], stderr: string): MailboxError {
  const said = stderr
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .slice(-4)
    .join(' · ')
    .slice(0, 600);
  const doing = args.find((arg) => !arg.startsWith('-')) ?? '';
  return new MailboxError('failed', `git ${doing}: ${said || 'failed without a word'}`);
}
