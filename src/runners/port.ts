/**
 * The port every runner implements. A runner starts one task, tells what happens as events of five kinds, and
 * settles `outcome` once, when no process of the run is left. tests/runners/contract.ts holds each one to it.
 */
import type { RunStats, TaskOptions } from '../core/message.js';

/** Everything one run may use. Paths are absolute and policy has already bounded every option. */
export interface RunRequest {
  messageId: string;
  epoch: number;
  prompt: string;
  options: TaskOptions;
  /**
   * Session id to use (UUID v4); with `resume`, the one to go on with. It stands in the environment of every
   * process of the run as `MAILBOXD_RUN`, so that a sweep finds what outlived its daemon.
   */
  session: string;
  /** Go on with an interrupted session instead of starting it. The prompt then says what happened. */
  resume: boolean;
  /** Directory the program runs in: a scratch directory of the task's own, or one that the host allows. */
  cwd: string;
  /** Whose configuration to use (`runners.claude.profiles.<name>`); undefined for the runner's own. */
  profile?: string;
  /** Absolute paths of the message's attachments. */
  attachments: string[];
  /** W3C trace context of the sender. */
  traceparent?: string;
}

/** The five kinds of event, in the words of the documents that mailboxd covers. */
export type RunEvent =
  | { type: 'Start'; session_id: string; model?: string }
  /** `text`: part of the answer. `status`: what the runner is doing. `receipt`: the message `uuid` was taken in. */
  | { type: 'Progress'; kind: 'text' | 'status' | 'receipt'; content: string; uuid?: string }
  /** `call` when the tool is asked for, `result` when it answered (`output` set), both with the same `id`. */
  | {
      type: 'ToolUse';
      phase: 'call' | 'result';
      id: string;
      tool: string;
      args: unknown;
      output?: string;
      is_error?: boolean;
    }
  /** One for each turn that ended; the last one's text is the task's answer. */
  | ({ type: 'Result'; result: string; structured_output?: unknown; session_id?: string } & RunStats)
  | { type: 'Error'; code: string; message: string };

export interface RunError {
  /** One word: `error_max_turns`, `exit`, `spawn`, `api_error`, `output_schema`, `timeout`, … */
  code: string;
  message: string;
  hint?: string;
}

/** How a run ended. Returned, never thrown. */
export type Outcome =
  | { kind: 'complete'; result: string; structured_output?: unknown; stats: RunStats }
  /** `retry`: whether another attempt could help. */
  | { kind: 'failed'; error: RunError; retry: boolean; stats: RunStats }
  /** The mailbox cannot run anything at present; no attempt was used. `until`: when the limit lifts (ms since 1970). */
  | {
      kind: 'parked';
      reason: 'usage_limit' | 'login' | 'unavailable';
      message: string;
      until?: number;
      stats: RunStats;
    }
  /** `stop()` was called before it ended by itself. */
  | { kind: 'stopped'; stats: RunStats };

export interface RunHooks {
  /** In order, as they happen. Must not throw. */
  onEvent(event: RunEvent): void;
  /** One raw line of the runner's own protocol, both ways, for the run's NDJSON. */
  onRaw(line: string): void;
  /** A process was started; the daemon notes it for the sweep. Called before anything is written to it. */
  onSpawn(pid: number): void;
}

export interface Run {
  /** Settles when the run has ended and no process of it is left. Never rejects. */
  readonly outcome: Promise<Outcome>;
  /**
   * Puts a message into the running task; a `receipt` event with this uuid follows when it was taken in.
   * False when the run can take none any more (or never could).
   */
  say(text: string, uuid: string): boolean;
  /** Asks it to stop, then insists: interrupt, close, SIGTERM, SIGKILL, descendants. Idempotent. */
  stop(): Promise<void>;
}

export interface Availability {
  ok: boolean;
  /** One line for a person: version and login when ok, else what is missing. */
  message: string;
  hint?: string;
}

export interface Runner {
  readonly name: string;
  readonly can: { resume: boolean; say: boolean };
  /** It starts no process and uses no directory: nothing is made ready for it and nothing of it can be left over. */
  readonly inProcess?: boolean;
  /** Whether a task could run now. Cheap enough for each start of the daemon. */
  check(signal?: AbortSignal): Promise<Availability>;
  /**
   * Reserves a process that was started ahead and fits these options, if there is one. The caller then starts a
   * run with exactly this session and cwd.
   */
  adopt?(options: TaskOptions, profile: string | undefined): { session: string; cwd: string } | undefined;
  start(request: RunRequest, hooks: RunHooks): Run;
  /** Ends what it keeps warm. */
  close(): Promise<void>;
}
