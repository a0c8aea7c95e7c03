/**
 * The vocabulary of a message. What a sender may write is in `MessageFields`, what the engine adds is in
 * `EngineFields`; both stand in the same front matter (schemas/message.schema.json documents each one).
 */
export const STATES = ['inbox', 'in_progress', 'complete', 'failed'] as const;
/** The folder a message is in. There is no status field. */
export type State = (typeof STATES)[number];

export const MESSAGE_TYPES = ['task', 'chat'] as const;
export type MessageType = (typeof MESSAGE_TYPES)[number];

/** From least to most pressing. */
export const PRIORITIES = ['low', 'normal', 'high', 'urgent'] as const;
export type Priority = (typeof PRIORITIES)[number];

export const CRASH_POLICIES = ['resume', 'restart', 'fail'] as const;
export type CrashPolicy = (typeof CRASH_POLICIES)[number];

/** From least to most powerful, which is the order `allow.permission_mode` compares by. */
export const PERMISSION_MODES = ['plan', 'dontAsk', 'default', 'acceptEdits', 'auto', 'bypassPermissions'] as const;
export type PermissionMode = (typeof PERMISSION_MODES)[number];

/** What a task asks of its runner. Each is bounded by the host's `.mailboxd/config.yaml`. */
export interface TaskOptions {
  runner?: string;
  system_prompt?: string;
  append_system_prompt?: string;
  model?: string;
  fallback_model?: string;
  max_turns?: number;
  max_budget_usd?: number;
  allowed_tools?: string[];
  disallowed_tools?: string[];
  permission_mode?: PermissionMode;
  /** A Claude session of this mailbox, with the same sender. */
  resume_session?: string;
  working_dir?: string;
  add_dirs?: string[];
  mcp_servers?: string[];
  output_format?: 'text' | 'json';
  output_schema?: Record<string, unknown>;
}

export interface MessageFields {
  id?: string;
  type?: MessageType;
  from?: string;
  to?: string;
  subject?: string;
  context?: string;
  priority?: Priority;
  thread?: string;
  in_reply_to?: string;
  /** RFC 3339 time. */
  created?: string;
  /** RFC 3339 time before which a task is not claimed. */
  not_before?: string;
  /** Longest time one run may take, as a duration (`90s`, `10m`, `2h`). */
  timeout?: string;
  max_attempts?: number;
  on_crash?: CrashPolicy;
  reply?: boolean;
  /** Names of files below `attachments/<id>/`. */
  attachments?: string[];
  metadata?: Record<string, unknown>;
  traceparent?: string;
  options?: TaskOptions;
  /** The sender's SSH signature over the other fields of this interface and the own text, in base64. */
  signature?: string;
}

/** A worker's exclusive right to run a message; stands in the front matter while it is in `in_progress/`. */
export interface Claim {
  /** `<mailbox>@<host id>`. */
  worker: string;
  /** How often the message has been claimed, this time included. */
  epoch: number;
  /** RFC 3339 time. */
  at: string;
  /** Proof that this host wrote it; the output's marker carries it too. */
  token: string;
  /** `<pid>.<start time>` of the daemon, so that another on the same host can see whether it lives. */
  process: string;
  /** Which take of the file it was made from; names the held original beside it. */
  take: string;
  runner?: string;
  /** The runner's session id, fixed before the start. */
  session?: string;
}

export const RUN_OUTCOMES = ['complete', 'failed', 'cancelled', 'interrupted', 'handed_back'] as const;
/** `interrupted`: cut off with its worker. `handed_back`: given up by its worker in good order. */
export type RunOutcome = (typeof RUN_OUTCOMES)[number];

/** What one run cost. Absent means the runner did not say. */
export interface RunStats {
  model?: string;
  turns?: number;
  cost_usd?: number;
  tokens_in?: number;
  tokens_out?: number;
  /** Milliseconds from the spawn to the end. */
  duration_ms?: number;
  /** Milliseconds the runner spent waiting for its API. */
  duration_api_ms?: number;
}

export interface RunRecord extends RunStats {
  /** 1 for the first run in the file; the N of `## Run N`. */
  n: number;
  epoch: number;
  token: string;
  worker: string;
  runner: string;
  session?: string;
  started: string;
  ended?: string;
  outcome: RunOutcome;
  /** `code: message`, for anything but `complete`. */
  reason?: string;
}

/** The end of a message; stands in the front matter in `complete/` and `failed/`. */
export interface ResultRecord extends RunStats {
  outcome: 'complete' | 'failed' | 'cancelled' | 'refused' | 'acknowledged';
  at: string;
  runner?: string;
  session?: string;
  /** Why it is not complete: what was found, what was expected, what to do next. */
  error?: { code: string; message: string; hint?: string };
  /** The id of the finished message this answer was taken from (`cache`). */
  cached_from?: string;
}

export interface EngineFields {
  /** Proof that this host wrote the engine's fields of this message: the token of one of its epochs. */
  seal?: string;
  claim?: Claim;
  /** How often it was claimed before; the next claim has `epoch + 1`. */
  epoch?: number;
  /** Runs that ended in error since it was last sent or retried. */
  attempts?: number;
  /** Runs cut off with their worker since it was last sent or retried. */
  crashes?: number;
  /** RFC 3339 time of the next attempt. */
  retry_at?: string;
  runs?: RunRecord[];
  result?: ResultRecord;
  /** The id of the message this file was copied from. */
  copied_from?: string;
  /** Equal for tasks that may share an answer (`cache`). */
  fingerprint?: string;
}

export type FrontMatter = MessageFields & EngineFields & Record<string, unknown>;
/** The fields that only the engine writes; a newly delivered file that brings one is refused. */
export const ENGINE_FIELDS = [
  'seal',
  'claim',
  'epoch',
  'attempts',
  'crashes',
  'retry_at',
  'runs',
  'result',
  'copied_from',
  'fingerprint',
] as const;

/** A message's place: `mailboxes/<mailbox>/<state>/<month/>?<name>`. */
export interface Place {
  mailbox: string;
  state: State;
  /** File name, with the month folder before it when retention moved it there (`2026-11/x.md`). */
  name: string;
}
