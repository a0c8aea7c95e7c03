/** The CLI's arguments for a task. A value is always part of its own `--flag=value`, so it can never be an option. */
import { dirname } from 'node:path';
import { MailboxError } from '../../core/errors.js';
import type { TaskOptions } from '../../core/message.js';

const PROTOCOL = [
  '--print',
  '--input-format=stream-json',
  '--output-format=stream-json',
  '--verbose',
  '--include-partial-messages',
  '--replay-user-messages',
  // Servers, hooks, permissions and commands that lie in a working directory may have come by git. The CLI runs a
  // project's hooks without asking; so only this user's own settings count, and only the configured MCP servers.
  '--setting-sources=user',
  '--strict-mcp-config',
];

/** What the options alone decide: two tasks with equal arguments here can share a warm process. */
export function optionArguments(options: TaskOptions, attachments: readonly string[] = []): string[] {
  const args = [...PROTOCOL, `--permission-mode=${options.permission_mode ?? 'default'}`];
  const add = (flag: string, value: string | number | undefined): void => {
    if (value !== undefined) args.push(`${flag}=${value}`);
  };
  add('--model', checkModel(options.model));
  add('--fallback-model', checkModel(options.fallback_model));
  add('--max-turns', options.max_turns);
  add('--max-budget-usd', options.max_budget_usd);
  add('--system-prompt', options.system_prompt);
  add('--append-system-prompt', options.append_system_prompt);
  for (const tool of options.allowed_tools ?? []) add('--allowed-tools', checkTool(tool));
  for (const tool of options.disallowed_tools ?? []) add('--disallowed-tools', checkTool(tool));
  for (const dir of new Set([...(options.add_dirs ?? []), ...attachments.map((path) => dirname(path))])) {
    add('--add-dir', dir);
  }
  if (options.output_schema) add('--json-schema', JSON.stringify(options.output_schema));
  return args;
}

/** Which conversation: a new one under a fixed id, the interrupted one, or a copy of an earlier one under a new id. */
export function sessionArguments(session: string, resume: boolean, earlier: string | undefined): string[] {
  if (resume || earlier === session) return [`--resume=${session}`];
  if (earlier !== undefined) return [`--resume=${earlier}`, '--fork-session', `--session-id=${session}`];
  return [`--session-id=${session}`];
}

/** The CLI splits tool lists at commas and spaces outside brackets: one value must stay one tool. */
function checkTool(tool: string): string {
  if (/^[A-Za-z][\w*-]*(\([^()\p{Cc}]*\))?$/u.test(tool)) return tool;
  throw new MailboxError('invalid', `found the tool ${JSON.stringify(tool.slice(0, 80))}`, {
    hint: 'write one tool, such as Read or Bash(git log:*), for each entry',
  });
}

function checkModel(model: string | undefined): string | undefined {
  if (model === undefined || /^[\w.:@/[\]-]{1,200}$/.test(model)) return model;
  throw new MailboxError('invalid', `found the model ${JSON.stringify(model.slice(0, 80))}`, {
    hint: 'write one model name, such as sonnet',
  });
}
