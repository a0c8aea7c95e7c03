/**
 * One child process and its pipes. It leads a process group of its own, sees the given environment and nothing else,
 * and has ended when it is gone and what it wrote was read, even if a grandchild still holds its stdout: execa's own
 * promise would wait for that one.
 */
import { existsSync } from 'node:fs';
import { execa } from 'execa';
import { messageOf, systemCode } from '../../core/errors.js';
import { leftTagged, RUN_TAG } from './find.js';

export interface ChildOptions {
  /** Program and arguments. */
  argv: readonly string[];
  cwd: string;
  /** The whole environment; `MAILBOXD_RUN` in it tags the run. */
  environment: Record<string, string>;
  onStdout(chunk: Buffer): void;
  onStderr(chunk: Buffer): void;
}

export type ChildEnd =
  /** `left`: a process of the run outlived it, and `endProcesses` must follow. */
  | { kind: 'exit'; code: number | null; signal: NodeJS.Signals | null; left: boolean }
  /** It never ran. `code`: `cwd` when the directory is missing, else the system's (`ENOENT`, `EACCES`, `E2BIG`, …). */
  | { kind: 'spawn'; code: string; message: string };

export interface Child {
  /** Undefined when it could not be started; `ended` then says why. */
  readonly pid: number | undefined;
  /** Never rejects. */
  readonly ended: Promise<ChildEnd>;
  /** Writes to stdin; false when it is closed or the child is gone. A child that does not read is no error. */
  write(text: string): boolean;
  closeStdin(): void;
}

/** Quiet time after the exit that shows the pipes empty though somebody holds them, ms; and the most to wait. */
const QUIET = 50;
const DRAIN_LIMIT = 1_000;

export function startChild(options: ChildOptions): Child {
  const [program = '', ...args] = options.argv;
  try {
    const child = execa(program, args, {
      cwd: options.cwd,
      env: options.environment,
      extendEnv: false,
      detached: process.platform !== 'win32',
      cleanup: false,
      buffer: false,
      reject: false,
      encoding: 'buffer',
      stripFinalNewline: false,
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
    });
    const { pid, stdin, stdout, stderr } = child;
    if (pid === undefined) {
      const ended = child.then((result) => spawnEnd(result.cause ?? result.originalMessage, options.cwd));
      return { pid, ended, write: () => false, closeStdin: () => undefined };
    }
    stdin.on('error', () => undefined); // EPIPE: it ended, or does not read; its exit tells
    let activity = 0;
    const read = (stream: NodeJS.ReadableStream, take: (chunk: Buffer) => void): void => {
      stream.on('error', () => undefined);
      stream.on('data', (chunk: Buffer) => {
        activity += 1;
        take(chunk);
      });
    };
    read(stdout, options.onStdout);
    read(stderr, options.onStderr);
    void child.then(undefined, () => undefined);
    const ended = new Promise<ChildEnd>((resolve) => {
      child.once('exit', (code, signal) => {
        const others = groupExists(pid);
        void drained([stdout, stderr], () => activity).then((held) => {
          stdin.destroy();
          const left = others || held || leftTagged(options.environment[RUN_TAG] ?? '', pid);
          resolve({ kind: 'exit', code, signal, left });
        });
      });
    });
    return {
      pid,
      ended,
      write: (text) => {
        if (!stdin.writable) return false;
        stdin.write(text);
        return true;
      },
      closeStdin: () => {
        if (stdin.writable) stdin.end();
      },
    };
  } catch (error) {
    const ended = Promise.resolve(spawnEnd(error, options.cwd));
    return { pid: undefined, ended, write: () => false, closeStdin: () => undefined };
  }
}

function spawnEnd(error: unknown, cwd: string): ChildEnd {
  if (!existsSync(cwd)) return { kind: 'spawn', code: 'cwd', message: `the directory ${cwd} does not exist` };
  return { kind: 'spawn', code: systemCode(error) ?? 'spawn', message: messageOf(error) };
}

/** Whether any process is in the group that `pid` led. Zombies count: the caller looks closer. */
function groupExists(pid: number): boolean {
  if (process.platform === 'win32') return false;
  try {
    process.kill(-pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

/**
 * Waits until both pipes were read to their end, or stay quiet although somebody still holds them (then closes them
 * and returns true). After the exit a pipe holds at most what fits into it, so a short wait loses nothing.
 */
async function drained(streams: NodeJS.ReadableStream[], activity: () => number): Promise<boolean> {
  const readable = streams as (NodeJS.ReadableStream & {
    readableEnded: boolean;
    destroyed: boolean;
    destroy(): void;
  })[];
  const isOver = (): boolean => readable.every((stream) => stream.readableEnded || stream.destroyed);
  const deadline = performance.now() + DRAIN_LIMIT;
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const finish = (held: boolean): void => {
      clearTimeout(timer);
      for (const stream of readable) {
        stream.off('end', check);
        stream.off('close', check);
        if (held) stream.destroy();
      }
      resolve(held);
    };
    const check = (): void => {
      if (isOver()) finish(false);
    };
    const wait = (): void => {
      const before = activity();
      timer = setTimeout(() => {
        // Timers come before input: after a stall of the event loop, let what has arrived be read first.
        setImmediate(() => {
          if (isOver()) return;
          if (activity() === before || performance.now() > deadline) finish(true);
          else wait();
        });
      }, QUIET);
    };
    for (const stream of readable) {
      stream.on('end', check);
      stream.on('close', check);
    }
    if (isOver()) finish(false);
    else wait();
  });
}
