/**
 * The decision on a file that was just taken out of an inbox: what it says now, and what follows from that. No I/O;
 * what the decision needs to know comes as `facts`.
 */
import type { Claim, FrontMatter, RunRecord } from '../core/message.js';
import { ENGINE_FIELDS } from '../core/message.js';
import { MailboxError } from '../core/errors.js';
import { isMessageId } from '../core/names.js';
import { claimToken } from '../core/token.js';
import { findForged } from '../format/forged.js';
import { parseMessage, type ParsedMessage } from '../format/message.js';
import type { IdHolder } from '../mailbox/identity.js';
import { describeProblems, validateMessageFields } from '../schema/index.js';

export interface Refusal {
  message: string;
  hint?: string | undefined;
}

export type Reading =
  | { kind: 'unusable'; refusal: Refusal }
  /** It was just handed back, and its worker has not yet taken the file in `in_progress/` away. */
  | { kind: 'busy' }
  | { kind: 'message'; message: ParsedMessage; id: string; changes: Record<string, unknown> };

/**
 * Reads a waiting file as a message: its fields checked, its id minted or replaced. `holderOf` tells whether another
 * file has the id; `newId` makes one.
 */
export function readWaiting(
  bytes: Uint8Array,
  key: string,
  holderOf: (id: string) => IdHolder,
  newId: () => string,
): Reading {
  let message: ParsedMessage;
  try {
    message = parseMessage(bytes, key);
  } catch (error) {
    if (!(error instanceof MailboxError)) throw error;
    return { kind: 'unusable', refusal: { message: error.message, hint: error.hint } };
  }
  const { front } = message;
  // Before the shape of the fields is looked at: nobody is told how to complete a forgery.
  const forged = findForged(front, key);
  if (forged !== undefined) {
    return {
      kind: 'unusable',
      refusal: {
        message: `Found the field "${forged}" in a newly delivered message, expected none: only a worker of this host writes it`,
        hint: `take ${ENGINE_FIELDS.join(', ')} out of the front matter and send it as a new message`,
      },
    };
  }
  const problems = validateMessageFields(front);
  if (problems.length > 0) {
    return {
      kind: 'unusable',
      refusal: {
        message: `The front matter cannot be used: ${describeProblems(problems, 3)}`,
        hint: 'docs/messages.md lists every field',
      },
    };
  }
  const nul = Object.keys(front).find((field) => holdsNul(front[field]));
  if (nul !== undefined) {
    const message = `Found a NUL character in the field "${nul}", expected text`;
    return { kind: 'unusable', refusal: { message, hint: 'take the \\0 out of it' } };
  }
  if (message.ownText.trim() === '' && !front.subject) {
    return {
      kind: 'unusable',
      refusal: { message: 'Found an empty message, expected a text or a subject', hint: 'write what is to be done' },
    };
  }
  const given = typeof front.id === 'string' ? front.id : undefined;
  if (given === undefined || !isMessageId(given)) return { kind: 'message', message, id: newId(), changes: {} };
  const holder = holderOf(given);
  if (holder === 'none') return { kind: 'message', message, id: given, changes: {} };
  if (holder === 'running' && front.seal !== undefined) return { kind: 'busy' };
  // A copy: the one that was claimed or finished first keeps the id, this one begins anew.
  const fresh = Object.fromEntries(ENGINE_FIELDS.map((field) => [field, undefined]));
  return { kind: 'message', message: withoutHistory(message), id: newId(), changes: { ...fresh, copied_from: given } };
}

/** No program can be given such a text as an argument. */
function holdsNul(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('\0');
  if (value === null || typeof value !== 'object') return false;
  return Object.entries(value).some(([key, item]) => key.includes('\0') || holdsNul(item));
}

function withoutHistory(message: ParsedMessage): ParsedMessage {
  const front: FrontMatter = { ...message.front };
  for (const field of ENGINE_FIELDS) delete front[field];
  return { ...message, front };
}

export function makeClaim(parts: {
  key: string;
  id: string;
  front: FrontMatter;
  worker: string;
  who: string;
  take: string;
  now: number;
  runner: string;
  session: string;
}): Claim {
  const epoch = (parts.front.epoch ?? 0) + 1;
  return {
    worker: parts.worker,
    epoch,
    at: new Date(parts.now).toISOString(),
    token: claimToken(parts.key, parts.id, epoch),
    process: parts.who,
    take: parts.take,
    runner: parts.runner,
    session: parts.session,
  };
}

/** The run that this attempt goes on from, when the last one was cut off or handed back. */
export function unfinishedRun(front: FrontMatter): RunRecord | undefined {
  const last = front.runs?.at(-1);
  return last && (last.outcome === 'interrupted' || last.outcome === 'handed_back') ? last : undefined;
}
