/**
 * `reply: true`: when a message has ended, its sender gets a chat with the answer. The intent is noted before the
 * state moves, so that a crash in between does not lose the reply; its id comes from message and epoch, so that a
 * repeat is no duplicate.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from '../core/message.js';
import { MailboxError } from '../core/errors.js';
import { isMailboxName } from '../core/names.js';
import { parseMessage, resultText } from '../format/message.js';
import { readPlace } from '../mailbox/locate.js';
import { sendMessage } from '../mailbox/send.js';
import { removeQuietly } from '../store/durable.js';
import { hostDir } from '../store/paths.js';
import type { Worker } from './worker.js';

/** Of an answer that is sent along, characters: three bytes each at most, with room for the fields. */
const LONGEST = 1024 * 1024;

function repliesDir(root: string): string {
  return join(hostDir(root), 'replies');
}

export function noteReply(root: string, id: string, epoch: number): void {
  mkdirSync(repliesDir(root), { recursive: true });
  writeFileSync(join(repliesDir(root), `${id}.${epoch}`), '');
}

/** Sends the reply of a finished message, once. */
export async function sendReply(worker: Worker, id: string, epoch: number, place: Place): Promise<void> {
  const intent = join(repliesDir(worker.root.dir), `${id}.${epoch}`);
  const bytes = readPlace(worker.root.dir, place);
  if (!bytes) return removeQuietly(intent);
  const message = parseMessage(bytes, worker.root.config.key);
  const to = message.front.from;
  const replyId = `re-${id.slice(0, 50)}-${epoch}`;
  if (message.front.result !== undefined && to !== undefined && isMailboxName(to) && !worker.catalog.hasId(replyId)) {
    const { front } = message;
    const answer = resultText(message) ?? front.result?.error?.message ?? '';
    const draft = {
      to,
      text: asBody(answer),
      fields: {
        id: replyId,
        type: 'chat' as const,
        from: place.mailbox,
        in_reply_to: id,
        subject: `Re: ${worker.catalog.get(place)?.subject ?? id}`.slice(0, 200),
        ...(front.thread !== undefined && { thread: front.thread }),
        ...(front.traceparent !== undefined && { traceparent: front.traceparent }),
      },
    };
    try {
      const sent = await sendMessage(worker.root, worker.clock, draft);
      worker.catalog.refresh(sent.place);
    } catch (error) {
      // Tried again at the next start only where that can help; the answer itself stands in the message's file.
      if (!(error instanceof MailboxError)) throw error;
      const { message: why, hint } = error;
      worker.emit({ type: 'trouble', message: `the reply to ${id} was not sent: ${why}`, ...(hint && { hint }) });
      if (error.code === 'unavailable') return;
    }
  }
  removeQuietly(intent);
}

/** The answer as the text of a message: nothing in it is front matter, and it is not too long to be sent. */
function asBody(answer: string): string {
  const body = /^\ufeff?---/.test(answer) ? `\n${answer}` : answer;
  return body.length <= LONGEST ? body : `${body.slice(0, LONGEST)}\n\n… (the whole answer is in the message itself)\n`;
}

/** Replies that a crash left unsent. */
export async function sendPendingReplies(worker: Worker): Promise<void> {
  let names: string[] = [];
  try {
    names = readdirSync(repliesDir(worker.root.dir));
  } catch {
    return; // none was ever asked for
  }
  for (const name of names) {
    const match = /^(.+)\.(\d+)$/.exec(name);
    if (worker.lease?.isClaimed(match?.[1] ?? '')) continue; // not on main yet
    const record =
      match &&
      worker.catalog.findById(match[1] ?? '', 2).find((item) => item.id === match[1] && item.state !== 'inbox');
    if (record && record.state !== 'in_progress') await sendReply(worker, record.id, Number(match?.[2]), record);
    else if (!record) removeQuietly(join(repliesDir(worker.root.dir), name));
  }
}

/** The end of this message came to nothing: its reply is not sent. */
export function forgetReplies(root: string, id: string): void {
  let names: string[] = [];
  try {
    names = readdirSync(repliesDir(root));
  } catch {
    return;
  }
  for (const name of names) if (name.startsWith(`${id}.`)) removeQuietly(join(repliesDir(root), name));
}
