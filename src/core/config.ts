/** What `.mailboxd/config.yaml` may say, as the rest of the program sees it: every default filled in, spans in ms. */
import type { PermissionMode } from './message.js';

/** Bounds that hold for the whole host, and again, where `senders.<name>` sets them, for one sender. */
export interface Limits {
  /** Tasks at once in one mailbox. */
  concurrency: number;
  /** Tasks at once on this host. */
  host_concurrency: number;
  /** Runs that may end in error before the message fails. */
  max_attempts: number;
  /** Runs that may be cut off with their worker before the message fails. */
  max_crashes: number;
  /** Longest run, ms. */
  timeout: number;
  /** US dollars; undefined for no bound. */
  cost_per_task: number | undefined;
  cost_per_day: number | undefined;
  tasks_per_day: number | undefined;
  /** Most turns a task may ask for; undefined for no bound. */
  max_turns: number | undefined;
  /** Bytes of output one run may write into its file. */
  output_bytes: number;
}

export interface Allow {
  /** Runner names a message may ask for besides `runner`. */
  runners: string[];
  /** Model names, `*` for any; empty means the runner's own default alone. */
  models: string[];
  /** Tools a message may ask for, `*` for any. */
  tools: string[];
  /** The most powerful mode a message may ask for. */
  permission_mode: PermissionMode;
  /** Absolute directories below which `working_dir` and `add_dirs` may lie. */
  dirs: string[];
  /** Senders whose messages are accepted, `*` for any. */
  senders: string[];
  mcp_servers: string[];
}

export interface SignatureRules {
  /** Whose messages must be signed: everybody's, nobody's, or those of the senders in this list. */
  require: boolean | string[];
  /** The file that says which keys sign for which sender; a relative path lies below the root. */
  allowed_signers: string;
  /** How old a signed message may be when it is first claimed, ms; undefined for no bound. */
  max_age: number | undefined;
}

export interface ClaudeProfile {
  /** Directory of this client's CLI configuration; relative ones lie below `CLIENTS_DIR`. */
  config_dir: string;
  /** Senders it is used for; by default the one that has the profile's name. */
  senders: string[];
  env: Record<string, string>;
}

export interface ClaudeConfig {
  /** The CLI's path, or `claude` to look it up on PATH and where `setup` puts it. */
  path: string;
  /** Added to the environment. */
  env: Record<string, string>;
  profiles: Record<string, ClaudeProfile>;
  /** Processes kept started ahead. */
  warm: number;
  /** MCP servers by name, as the CLI's `--mcp-config` takes them. */
  mcp_servers: Record<string, unknown>;
}

export interface CommandConfig {
  /** Program and arguments; undefined when this runner is not set up. */
  argv: string[] | undefined;
  /** `text`: stdout is the answer. `json`: one event a line. */
  output: 'text' | 'json';
  env: Record<string, string>;
}

export interface SimulatorConfig {
  /** Ms a run takes; undefined for about a second, or 10 under CLAUDE_MOCK_TEST=1. */
  duration: number | undefined;
}

export interface Config {
  /** This host's name plus a random suffix, made at `init`. */
  host: string;
  /** Key for the tokens this host writes into messages (base64url). Never leaves the host. */
  key: string;
  /** This host's instance: its own mailbox, and the default `from`. */
  as: string | undefined;
  /** Mailboxes this host's daemon works on. */
  serve: string[];
  /** URL of the git remote; undefined for a root on one machine. */
  remote: string | undefined;
  runner: string;
  runners: { claude: ClaudeConfig; command: CommandConfig; simulator: SimulatorConfig };
  limits: Limits;
  senders: Record<string, Partial<Limits>>;
  allow: Allow;
  signatures: SignatureRules;
  /** The SSH key that signs what is sent from here: a private key's path, or a public key's whose private key an agent has. */
  sign: string | undefined;
  create_mailboxes: boolean;
  /** How long a finished answer serves an equal task, ms; 0 is off. */
  cache: number;
  /** Whether a usage limit or a refused login holds the mailbox instead of failing its tasks. */
  park: boolean;
  /** How long a dropped file must rest where it cannot be seen whether a writer still has it open, ms. */
  settle: number;
  /** How long the second attempt waits after the first failed, ms; each further one waits four times as long. */
  retry_delay: number;
  /** How long a stop waits for running tasks before it hands them back, ms. */
  grace: number;
  /** How long scratch directories and run records outlive their message's end, ms. */
  keep: number;
  /** How long a claim on the remote holds without being renewed, ms. */
  lease: number;
  /** Longest pause between two looks at the remote, ms. */
  poll: number;
  /** How often this host says on the remote that it is there, ms. */
  heartbeat: number;
  /** Mailbox → `local` where this host alone serves it, and its tasks need no claim on the remote. */
  claims: Record<string, 'local' | 'remote'>;
}

export const DEFAULT_LIMITS: Readonly<Limits> = {
  concurrency: 2,
  host_concurrency: 4,
  max_attempts: 3,
  max_crashes: 5,
  timeout: 3_600_000,
  cost_per_task: undefined,
  cost_per_day: undefined,
  tasks_per_day: undefined,
  max_turns: undefined,
  output_bytes: 10 * 1024 * 1024,
};

/** The configuration of a host whose `config.yaml` says nothing else. A fresh object each time. */
export function defaultConfig(identity: { host: string; key: string }): Config {
  return {
    host: identity.host,
    key: identity.key,
    as: undefined,
    serve: [],
    remote: undefined,
    runner: 'claude',
    runners: {
      claude: { path: 'claude', env: {}, profiles: {}, warm: 0, mcp_servers: {} },
      command: { argv: undefined, output: 'text', env: {} },
      simulator: { duration: undefined },
    },
    limits: { ...DEFAULT_LIMITS },
    senders: {},
    allow: {
      runners: [],
      models: [],
      tools: [],
      permission_mode: 'default',
      dirs: [],
      senders: ['*'],
      mcp_servers: [],
    },
    signatures: { require: false, allowed_signers: '.mailboxd/allowed_signers', max_age: undefined },
    sign: undefined,
    create_mailboxes: true,
    cache: 0,
    park: true,
    settle: 500,
    retry_delay: 5_000,
    grace: 20_000,
    keep: 30 * 86_400_000,
    lease: 60_000,
    poll: 10_000,
    heartbeat: 30_000,
    claims: {},
  };
}
