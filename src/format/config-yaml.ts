/** The shape of `config.yaml` as written, once schemas/config.schema.json has let it pass. */
import type { Allow } from '../core/config.js';

export interface LimitsYaml {
  concurrency?: number;
  host_concurrency?: number;
  max_attempts?: number;
  max_crashes?: number;
  timeout?: string;
  cost_per_task?: number | null;
  cost_per_day?: number | null;
  tasks_per_day?: number | null;
  max_turns?: number | null;
  output_bytes?: number | string;
}

interface ProfileYaml {
  config_dir?: string;
  senders?: string[];
  env?: Record<string, string> | null;
}

export interface ClaudeYaml {
  path?: string;
  env?: Record<string, string> | null;
  profiles?: Record<string, ProfileYaml | null> | null;
  warm?: number;
  mcp_servers?: Record<string, unknown> | null;
}

interface CommandYaml {
  argv?: string[] | null;
  output?: 'text' | 'json';
  env?: Record<string, string> | null;
}

export interface ConfigYaml {
  host?: string;
  key?: string;
  as?: string | null;
  serve?: string[];
  remote?: string | null;
  runner?: string;
  runners?: {
    claude?: ClaudeYaml | null;
    command?: CommandYaml | null;
    simulator?: { duration?: string | null } | null;
  } | null;
  limits?: LimitsYaml | null;
  senders?: Record<string, LimitsYaml | null> | null;
  allow?: Partial<Allow> | null;
  signatures?: {
    require?: boolean | string[];
    allowed_signers?: string | null;
    max_age?: string | null;
  } | null;
  sign?: string | null;
  create_mailboxes?: boolean;
  cache?: string;
  park?: boolean;
  settle?: string;
  retry_delay?: string;
  grace?: string;
  keep?: string;
  lease?: string;
  poll?: string;
  heartbeat?: string;
  claims?: Record<string, 'local' | 'remote'>;
}
