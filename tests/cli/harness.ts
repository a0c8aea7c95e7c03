/** Commands in this process, with a world of their own, and the built program in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { PassThrough, Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { runCli } from '../../src/cli/run-cli.js';
import type { Io } from '../../src/cli/io.js';
import { testdir } from '../support/testdir.js';

export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** JSON as a test looks into it. */
export type Json = any; // oxlint-disable-line typescript/no-explicit-any

export interface Result {
  code: number;
  out: string;
  err: string;
  /** stdout as the one JSON value it must be. */
  json(): Json;
}

export interface CallOptions {
  cwd: string;
  stdin?: string | Readable;
  env?: NodeJS.ProcessEnv;
  tty?: Partial<Io['isTTY']>;
  columns?: number;
}

export interface Call {
  result: Promise<Result>;
  readonly out: string;
  readonly err: string;
  signal(name?: 'SIGINT' | 'SIGTERM' | 'SIGHUP'): void;
}

/** One call of the command line in this process. */
export function start(options: CallOptions, ...argv: string[]): Call {
  let out = '';
  let err = '';
  const listeners = new Set<(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') => void>();
  const sink = (take: (text: string) => void): Writable =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        take(chunk.toString('utf8'));
        done();
      },
    });
  const { stdin = '' } = options;
  const io: Io = {
    stdin: typeof stdin === 'string' ? Readable.from([Buffer.from(stdin)]) : stdin,
    stdout: sink((text) => (out += text)),
    stderr: sink((text) => (err += text)),
    env: { PATH: process.env['PATH'], HOME: options.cwd, CLAUDE_MOCK_TEST: '1', NO_COLOR: '1', ...options.env },
    cwd: options.cwd,
    isTTY: { stdin: false, stdout: false, stderr: false, ...options.tty },
    columns: options.columns ?? 100,
    onSignal(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    outliveReader: () => undefined,
  };
  const result = runCli(argv, io).then((code) => ({ code, out, err, json: () => JSON.parse(out) as unknown }));
  return {
    result: result as Promise<Result>,
    get out() {
      return out;
    },
    get err() {
      return err;
    },
    signal: (name = 'SIGINT') => [...listeners].forEach((listener) => listener(name)),
  };
}

/** Calls that work in `cwd`. */
export function callsIn(cwd: string, defaults: Partial<CallOptions> = {}) {
  return (...argv: string[]): Promise<Result> => start({ cwd, ...defaults }, ...argv).result;
}

/** A root with the mailboxes laptop (this host's own) and server, run by the simulator. */
export async function makeRoot(
  files: Record<string, string> = {},
): Promise<{ dir: string; mb: ReturnType<typeof callsIn> }> {
  const dir = testdir(files);
  const mb = callsIn(dir);
  const made = await mb('init', '--as', 'laptop', '--mailbox', 'server', '--runner', 'simulator');
  if (made.code !== 0) throw new Error(made.err);
  return { dir, mb };
}

export interface Program {
  child: ChildProcess;
  readonly out: string;
  readonly err: string;
  ended: Promise<number | null>;
}

/** The built program, in an environment made from nothing. */
export function runProgram(cwd: string, argv: string[], env: NodeJS.ProcessEnv = {}): Program {
  const child = spawn(process.execPath, [MAIN, ...argv], {
    cwd,
    env: {
      PATH: process.env['PATH'],
      HOME: cwd,
      CLAUDE_MOCK_TEST: '1',
      NODE_V8_COVERAGE: process.env['NODE_V8_COVERAGE'],
      ...env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString('utf8')));
  return {
    child,
    get out() {
      return out;
    },
    get err() {
      return err;
    },
    ended: new Promise((resolve) => child.once('close', (code) => resolve(code))),
  };
}

/** A standard input that is written to by hand. */
export function openInput(): PassThrough {
  return new PassThrough();
}
