/** What a command sees of the world. The program brings its process; a test brings its own. */
import type { Readable, Writable } from 'node:stream';
import { EXIT } from './exit-codes.js';

export interface Io {
  stdin: Readable;
  stdout: Writable;
  stderr: Writable;
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** How a person calls the program from here; `mailboxd` where it is not said. */
  program?: string;
  isTTY: { stdin: boolean; stdout: boolean; stderr: boolean };
  /** Characters in a line of the terminal. */
  columns: number;
  /** Calls back at SIGINT, SIGTERM and SIGHUP (the terminal is gone), instead of ending the process; the result takes that away again. */
  onSignal(listener: (signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') => void): () => void;
  /** From now on a closed stdout is no reason to end: the daemon goes on without a reader. */
  outliveReader(): void;
}

export function processIo(): Io {
  let needsReader = true;
  let isWhole = true;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (!needsReader) return; // a terminal that is gone (EIO) or a full disk ends no daemon
    // `mailboxd list | head`: the reader has enough, and so have we.
    if (error.code === 'EPIPE') process.exit();
    if (!isWhole) return;
    isWhole = false;
    process.stderr.write(`mailboxd: the output could not be written: ${error.message}\n`);
    process.once('exit', (code) => {
      if (code === 0) process.exitCode = EXIT.unavailable;
    });
  });
  process.stderr.on('error', () => undefined);
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    isTTY: {
      stdin: process.stdin.isTTY === true,
      stdout: process.stdout.isTTY === true,
      stderr: process.stderr.isTTY === true,
    },
    columns: process.stdout.columns || 100,
    onSignal(listener) {
      const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
      for (const signal of signals) process.on(signal, listener);
      return () => {
        for (const signal of signals) process.off(signal, listener);
      };
    },
    outliveReader() {
      needsReader = false;
    },
  };
}

/** All of standard input. */
export async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer | string>) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
