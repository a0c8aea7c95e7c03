/**
 * The daemon's log: one JSON object a line in `<root>/.mailboxd/logs/mailboxd.log`, for programs, and the same lines
 * in words on the terminal, for people. Every line, whatever it was made from, goes through one place where secrets
 * are taken out. No worker thread: a start costs nothing, and an exit has nothing left to flush.
 */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { pino, stdSerializers, stdTimeFunctions, type Logger } from 'pino';
import { scrubJson } from '../core/scrub.js';
import { prettyLine } from './pretty.js';
import { createRotatingFile } from './rotating-file.js';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type { Logger };

/** Lines longer than this lose their fields, so that one of them cannot push out everything else. */
const MAX_LINE = 256 * 1024;

export interface LoggerOptions {
  /** Directory of the log files; `logDirOf(root)`. Made when it is missing. */
  dir: string;
  level: LogLevel;
  /** Words instead of JSON on the terminal; by default when it is one. */
  pretty?: boolean;
  /** Also to standard error, or to a function that takes whole lines. */
  toTerminal?: boolean | ((line: string) => void);
  /** Bytes of one file (5 MiB), and files kept (5). */
  maxBytes?: number;
  files?: number;
}

export function logDirOf(root: string): string {
  return join(root, '.mailboxd', 'logs');
}

export function logFileOf(dir: string): string {
  return join(dir, 'mailboxd.log');
}

/** Never throws for the disk's sake: a fault is counted, told once on standard error, and the lines wait. */
export function createLogger(options: LoggerOptions): Logger {
  const terminal = terminalOf(options);
  const file = createRotatingFile({
    path: logFileOf(options.dir),
    maxBytes: options.maxBytes ?? 5 * 1024 * 1024,
    files: options.files ?? 5,
    onProblem: (message) => toStandardError(`mailboxd: ${message}\n`),
    lostLine: (count, reason) =>
      `${JSON.stringify({ level: 'warn', time: new Date().toISOString(), pid: process.pid, lost: count, reason, msg: 'log lines were lost' })}\n`,
  });
  return pino(
    {
      level: options.level,
      base: { pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      serializers: { err: stdSerializers.err, error: stdSerializers.err, cause: stdSerializers.err },
    },
    {
      write(raw: string) {
        const line = cleanLine(raw);
        file.write(`${line}\n`);
        terminal?.(line);
      },
    },
  );
}

/** The line without secrets, and of bounded length; JSON still. */
function cleanLine(raw: string): string {
  const line = scrubJson(raw.trimEnd());
  if (line.length <= MAX_LINE) return line;
  const { level, time, pid, msg } = JSON.parse(line) as Record<string, unknown>;
  const cut = typeof msg === 'string' ? msg.slice(0, 4_096) : msg;
  return JSON.stringify({ level, time, pid, cut: `${line.length} characters, fields left out`, msg: cut });
}

function terminalOf({ toTerminal, pretty }: LoggerOptions): ((line: string) => void) | undefined {
  if (!toTerminal) return undefined;
  const isTerminal = process.stderr.isTTY === true;
  const write = typeof toTerminal === 'function' ? toTerminal : toStandardError;
  if (!(pretty ?? isTerminal)) return (line) => write(`${line}\n`);
  const color = isTerminal && !process.env['NO_COLOR'];
  return (line) => write(`${prettyLine(line, { color })}\n`);
}

function toStandardError(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // The terminal is a copy; a closed one must not stop the daemon, and the line is in the file.
  }
}
