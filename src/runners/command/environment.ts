/** What a program learns about its task: by environment variables, so that any program in any language can ask. */
import type { CommandConfig } from '../../core/config.js';
import type { TaskOptions } from '../../core/message.js';
import type { RunRequest } from '../port.js';
import { BASE_ENVIRONMENT, buildEnvironment, RUN_TAG } from '../process/index.js';

/** The options a program is told of. A list of its own: a key that a message makes up never becomes a variable. */
const OPTIONS: readonly (keyof TaskOptions)[] = [
  ...(['model', 'fallback_model', 'system_prompt', 'append_system_prompt', 'max_turns', 'max_budget_usd'] as const),
  ...(['allowed_tools', 'disallowed_tools', 'permission_mode', 'add_dirs', 'output_format', 'output_schema'] as const),
];

/**
 * The whole environment of one run: what every program needs, what config adds, and `MAILBOXD_*`. Lists are one item
 * a line, objects are JSON, what was not asked for is not there.
 */
export function commandEnvironment(
  from: NodeJS.ProcessEnv,
  config: CommandConfig,
  request: RunRequest,
): Record<string, string> {
  const told: Record<string, string> = {};
  for (const key of OPTIONS) {
    const value = request.options[key];
    if (value !== undefined) told[`MAILBOXD_${key.toUpperCase()}`] = textOf(value);
  }
  return buildEnvironment(from, BASE_ENVIRONMENT, {
    ...config.env,
    ...told,
    MAILBOXD_ID: request.messageId,
    MAILBOXD_EPOCH: String(request.epoch),
    MAILBOXD_SESSION: request.session,
    MAILBOXD_ATTACHMENTS: request.attachments.length > 0 ? request.attachments.join('\n') : undefined,
    TRACEPARENT: request.traceparent,
    [RUN_TAG]: request.session,
  });
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value.join('\n');
  return JSON.stringify(value);
}
