/** Who may put messages into a running task, or ask for its cancellation by a message. */
import type { Config } from '../config.js';
import { UNKNOWN_SENDER } from './limits.js';
import { type PolicyError, quote } from './refusal.js';

/** Whether messages from this sender are taken at all. */
export function acceptsSender(from: string | undefined, config: Config): boolean {
  return config.allow.senders.includes('*') || config.allow.senders.includes(from ?? UNKNOWN_SENDER);
}

/**
 * A running task is steered by its own sender, or by a sender that `allow.senders` lists by name; `*` lets anybody
 * send, not steer. Moving the file is another matter: who can write to the folders commands (invariant 4).
 */
export function maySay(
  task: { from: string | undefined; sayer: string | undefined },
  config: Config,
): { ok: true } | { ok: false; error: PolicyError } {
  const from = task.from ?? UNKNOWN_SENDER;
  const sayer = task.sayer ?? UNKNOWN_SENDER;
  const isNamed = sayer !== '*' && config.allow.senders.includes(sayer);
  if (isNamed || (sayer === from && acceptsSender(sayer, config))) return { ok: true };
  return {
    ok: false,
    error: {
      code: 'refused',
      message: `${quote(sayer)} may not put messages into a task of ${quote(from)}`,
      hint: `send as ${quote(from)}, or have ${quote(sayer)} listed by name in allow.senders in .mailboxd/config.yaml on ${config.host}`,
    },
  };
}
