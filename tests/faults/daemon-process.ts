/** A daemon in a process of its own, for tests that kill it: tests/faults/campaign/daemon.mjs on a root of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('./campaign/daemon.mjs', import.meta.url));
const STATES = ['inbox', 'in_progress', 'complete', 'failed'] as const;

export interface DaemonProcess {
  child: ChildProcess;
  /** What it wrote to stderr so far. */
  stderr(): string;
  /** Settles with the exit code, or the signal's name. */
  ended: Promise<number | string>;
  kill(signal?: NodeJS.Signals): Promise<number | string>;
}

export interface Told {
  type: string;
  message?: string;
  hint?: string;
  what?: string;
  reason?: string;
  id?: string;
  run?: number;
  resumed?: boolean;
  place?: { mailbox: string; state: string; name: string };
}

/** Makes `<dir>/mailboxes/server` and a configuration; `config` is more of its YAML. */
export function makeRoot(dir: string, config: string): string {
  for (const state of STATES) mkdirSync(join(dir, 'mailboxes', 'server', state), { recursive: true });
  mkdirSync(join(dir, '.mailboxd'), { recursive: true });
  const head = 'host: faults-1\nkey: "ZmF1bHRzLWtleS1mYXVsdHMta2V5LWZhdWx0cy1rZXkt"\nserve: [server]\nsettle: 100ms\n';
  writeFileSync(join(dir, '.mailboxd', 'config.yaml'), head + config);
  return dir;
}

export interface StartOptions {
  env?: Record<string, string>;
  /** A program with its arguments that starts the daemon: `['prlimit', '--nofile=40']`. */
  through?: string[];
}

export function startDaemonProcess(root: string, options: StartOptions = {}): DaemonProcess {
  const [program, ...args] = [...(options.through ?? []), process.execPath, SCRIPT, root];
  const child = spawn(program ?? process.execPath, args, {
    env: { PATH: process.env['PATH'], HOME: root, CLAUDE_MOCK_TEST: '1', ...options.env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr?.on('data', (data: Buffer) => (stderr += data.toString()));
  const ended = new Promise<number | string>((resolve) =>
    child.on('close', (code, signal) => resolve(code ?? signal ?? 'unknown')),
  );
  return {
    child,
    stderr: () => stderr,
    ended,
    kill: (signal = 'SIGKILL') => {
      child.kill(signal);
      return ended;
    },
  };
}

/** Everything the root's daemons have told so far. */
export function told(root: string): Told[] {
  const path = join(root, 'events.ndjson');
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Told);
}

export function namesIn(root: string, state: (typeof STATES)[number]): string[] {
  return readdirSync(join(root, 'mailboxes', 'server', state));
}

export function pathOf(root: string, state: (typeof STATES)[number], name: string): string {
  return join(root, 'mailboxes', 'server', state, name);
}
