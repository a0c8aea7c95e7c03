/**
 * A git process that stays and answers one request after the other, so that a commit costs milliseconds at any size of
 * the repository. When it ends, whoever waits gets an error, and the next request starts another.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { MailboxError } from '../core/errors.js';
import { gitEnvironment, HARDENED } from './run.js';

/** Takes one whole answer off the front of what came; undefined when more must come first. */
export type AnswerReader<T> = (buffered: Buffer) => { value: T; length: number } | undefined;

export interface BatchProcess<T> {
  ask(request: string | Uint8Array): Promise<T>;
  close(): Promise<void>;
}

interface Waiting<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

interface Running<T> {
  child: ChildProcessByStdio<Writable, Readable, Readable>;
  waiting: Waiting<T>[];
  ended: Promise<void>;
}

export function openBatch<T>(dir: string, args: readonly string[], read: AnswerReader<T>): BatchProcess<T> {
  let running: Running<T> | undefined;

  const start = (): Running<T> => {
    const child = spawn('git', [...HARDENED, ...args], { cwd: dir, env: gitEnvironment(), stdio: 'pipe' });
    const waiting: Waiting<T>[] = [];
    let chunks: Buffer[] = [];
    let said = '';
    const current: Running<T> = {
      child,
      waiting,
      ended: new Promise((resolve) => {
        let isOver = false;
        const onEnd = (why: string): void => {
          if (isOver) return;
          isOver = true;
          if (running === current) running = undefined;
          const error = new MailboxError('unavailable', `git ${args[0]} ended: ${said.trim().slice(-400) || why}`, {
            hint: 'look at the repository with `git fsck`; `mailboxd doctor` says more',
          });
          for (const item of waiting.splice(0)) item.reject(error);
          resolve();
        };
        child.on('error', (error) => onEnd(error.message));
        child.on('close', (code) => onEnd(`status ${code}`));
      }),
    };
    // A process that ends early breaks the pipe; its end is told above.
    child.stdin.on('error', () => undefined);
    child.stderr.on('data', (piece: Buffer) => (said = (said + piece.toString('utf8')).slice(-2_000)));
    child.stdout.on('data', (piece: Buffer) => {
      chunks.push(piece);
      const first = waiting[0];
      if (!first) return;
      let buffered = chunks.length === 1 ? piece : Buffer.concat(chunks);
      for (let answer = read(buffered); answer !== undefined && waiting.length > 0; answer = read(buffered)) {
        buffered = buffered.subarray(answer.length);
        waiting.shift()?.resolve(answer.value);
        if (buffered.length === 0) break;
      }
      chunks = buffered.length === 0 ? [] : [buffered];
    });
    child.unref();
    return current;
  };

  return {
    ask(request) {
      running ??= start();
      const { child, waiting } = running;
      return new Promise<T>((resolve, reject) => {
        waiting.push({ resolve, reject });
        child.stdin.write(request);
      });
    },
    async close() {
      const last = running;
      if (!last) return;
      last.child.stdin.end();
      const timer = setTimeout(() => last.child.kill('SIGKILL'), 2_000);
      await last.ended;
      clearTimeout(timer);
    },
  };
}
