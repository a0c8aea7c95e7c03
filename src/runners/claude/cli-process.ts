/** One CLI process and the lines it exchanges. Started for a task, or ahead of one. */
import { type Child, type ChildEnd, createLineReader, processId, startChild } from '../process/index.js';

/** A longer line is cut, and then is no JSON: it stays in the raw record, and nothing else knows it. */
const LONGEST_LINE = 64 * 1024 * 1024;
/** How much of the end of stderr is kept to explain a failure, in characters. */
const STDERR_KEPT = 4_000;

export interface CliProcess {
  readonly pid: number | undefined;
  readonly session: string;
  readonly ended: Promise<ChildEnd>;
  /** Set by whoever uses the process; lines that come before wait for it. */
  onLine: ((line: string) => void) | undefined;
  stderr(): string;
  /** Whether it runs and its stdin is open. */
  isOpen(): boolean;
  /** False when the process is gone or its stdin closed. */
  send(line: string): boolean;
  closeStdin(): void;
}

export function startCli(options: {
  argv: readonly string[];
  cwd: string;
  environment: Record<string, string>;
  session: string;
}): CliProcess {
  let early: string[] = [];
  let handler: ((line: string) => void) | undefined;
  let errors = '';
  let closed = false;
  const lines = createLineReader({
    limit: LONGEST_LINE,
    onLine: (line) => {
      if (handler) handler(line);
      else early.push(line);
    },
  });
  const stderrLines = createLineReader({
    limit: STDERR_KEPT,
    onLine: (line) => {
      errors = `${errors}${line}\n`.slice(-STDERR_KEPT);
    },
  });
  const child: Child = startChild({
    argv: options.argv,
    cwd: options.cwd,
    environment: options.environment,
    onStdout: (chunk) => lines.push(chunk),
    onStderr: (chunk) => stderrLines.push(chunk),
  });
  const ended = child.ended.then((end) => {
    lines.end();
    stderrLines.end();
    closed = true;
    return end;
  });
  return {
    pid: child.pid,
    session: options.session,
    ended,
    get onLine() {
      return handler;
    },
    set onLine(next) {
      handler = next;
      const waiting = early;
      early = [];
      if (next) for (const line of waiting) next(line);
    },
    stderr: () => errors,
    // A process that has just ended is a zombie before its end is told.
    isOpen: () => !closed && child.pid !== undefined && processId(child.pid) !== undefined,
    send: (line) => !closed && child.write(`${line}\n`),
    closeStdin: () => {
      closed = true;
      child.closeStdin();
    },
  };
}
