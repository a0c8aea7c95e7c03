/**
 * What waits. Bells and timers lead to a look at one file or at a whole folder; what is found is put in the queue.
 * Nothing is taken from an event but the advice to look.
 */
import { recordFromHead, recordOf } from '../mailbox/record.js';
import type { Place } from '../core/message.js';
import { isMessageFileName } from '../core/names.js';
import { MAX_MESSAGE_BYTES, parseMessage, type ParsedMessage } from '../format/message.js';
import { readRegular } from '../store/durable.js';
import { MailboxError } from '../core/errors.js';
import { listState, listStrays, statMessage } from '../store/list.js';
import { messagePath } from '../store/paths.js';
import { inodesBeingWritten, judgeReady } from '../store/ready.js';
import { PRIORITIES } from '../core/message.js';
import type { Queue } from './queue.js';
import type { Worker } from './worker.js';

export interface Inboxes {
  /** Looks at one file. */
  look(mailbox: string, name: string): void;
  /** Looks at a whole inbox, in slices. */
  scan(mailbox: string): Promise<void>;
  /** Chats that wait to be read and files that are no messages, by `mailbox/name`. */
  readonly others: Map<string, string>;
  /** Chats among them that reply to the message with this id. */
  repliesTo(id: string): { mailbox: string; name: string }[];
}

/** Longest piece of work between two turns of the event loop, ms. */
const SLICE = 8;

export function createInboxes(
  worker: Worker,
  queue: Queue,
  onChat: (place: Place, message: ParsedMessage) => void,
  onSoon: (ms: number) => void,
): Inboxes {
  const root = worker.root.dir;
  const others = new Map<string, string>();
  const replies = new Map<string, { mailbox: string; name: string; to: string }>();
  let writers: { at: number; inodes: Set<string> | undefined } | undefined;
  const inodes = (): Set<string> | undefined => {
    const now = performance.now();
    if (!writers || now - writers.at > 20) writers = { at: now, inodes: inodesBeingWritten() };
    return writers.inodes;
  };
  const forget = (mailbox: string, name: string): void => {
    queue.drop(mailbox, name);
    others.delete(`${mailbox}/${name}`);
    replies.delete(`${mailbox}/${name}`);
    worker.catalog.remove({ mailbox, state: 'inbox', name });
  };
  const leave = (mailbox: string, name: string, why: string): void => {
    const key = `${mailbox}/${name}`;
    if (others.get(key) !== why)
      worker.emit({ type: 'trouble', message: `${mailbox}/inbox/${name} is left alone: ${why}` });
    others.set(key, why);
    queue.drop(mailbox, name);
  };

  const look = (mailbox: string, name: string): void => {
    if (!isMessageFileName(name)) return;
    const place: Place = { mailbox, state: 'inbox', name };
    const stat = statMessage(root, place);
    if (name.includes('\\')) return leave(mailbox, name, 'its name holds a backslash; rename it');
    // Node shows a byte that is no UTF-8 as U+FFFD, and no file is found by such a name.
    if (!stat && name.includes('\ufffd') && listState(root, mailbox, 'inbox').includes(name))
      return leave(mailbox, name, 'its name is not UTF-8; rename it');
    if (!stat) return forget(mailbox, name);
    if (!stat.isFile()) return leave(mailbox, name, 'it is no regular file');
    const ready = judgeReady(stat, Date.now(), worker.root.config.settle, inodes);
    if (!ready.ready) {
      queue.drop(mailbox, name);
      if (ready.again !== undefined) others.set(`${mailbox}/${name}`, 'it is still being written');
      if (ready.again === undefined) return leave(mailbox, name, 'it is empty');
      return onSoon(ready.again);
    }
    const stamp = `${stat.ino} ${stat.size} ${stat.mtimeNs}`;
    if (queue.get(mailbox, name)?.stamp === stamp) return;
    const unreadable = { mailbox, name, priority: 'normal' as const, created: Number(stat.mtimeMs), due: 0 };
    let bytes: Buffer;
    try {
      const read = readRegular(messagePath(root, place), MAX_MESSAGE_BYTES * 4);
      if (!read) return forget(mailbox, name);
      bytes = read.bytes;
    } catch (error) {
      if (error instanceof MailboxError && error.code === 'unavailable') return leave(mailbox, name, error.message);
      others.delete(`${mailbox}/${name}`);
      return queue.put(unreadable); // too large: the claim says so and moves it to failed/
    }
    others.delete(`${mailbox}/${name}`);
    const times = { size: Number(stat.size), mtimeMs: Number(stat.mtimeNs) / 1e6 };
    let message: ParsedMessage;
    try {
      message = parseMessage(bytes, worker.root.config.key);
    } catch {
      worker.catalog.put(recordFromHead(place, bytes.subarray(0, 66_000), times));
      return queue.put(unreadable);
    }
    worker.catalog.put(recordOf(place, message.front, message.split.body, times));
    const { front } = message;
    if (front.type === 'chat') {
      queue.drop(mailbox, name);
      others.set(`${mailbox}/${name}`, 'chat');
      if (front.in_reply_to !== undefined) replies.set(`${mailbox}/${name}`, { mailbox, name, to: front.in_reply_to });
      return onChat(place, message);
    }
    const time = (value: unknown): number | undefined => {
      const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
      return Number.isNaN(ms) ? undefined : ms;
    };
    queue.put({
      mailbox,
      name,
      priority: PRIORITIES.find((priority) => priority === front.priority) ?? 'normal',
      created: time(front.created) ?? Number(stat.mtimeMs),
      stamp,
      due: Math.max(time(front.not_before) ?? 0, front.result === undefined ? (time(front.retry_at) ?? 0) : 0),
    });
  };

  return {
    others,
    look,
    repliesTo: (id) => [...replies.values()].filter(({ to }) => to === id),
    async scan(mailbox) {
      const strays = listStrays(root, mailbox);
      const names = new Set(listState(root, mailbox, 'inbox').concat(strays));
      const gone = [...queue.names(mailbox)].filter((name) => !names.has(name));
      for (const key of others.keys()) {
        const name = key.slice(mailbox.length + 1);
        if (key.startsWith(`${mailbox}/`) && !names.has(name)) gone.push(name);
      }
      for (const name of gone) forget(mailbox, name);
      for (const name of strays) leave(mailbox, name, 'its name does not end in .md');
      const now = worker.clock.now();
      let until = performance.now() + SLICE;
      for (const name of names) {
        const known = others.get(`${mailbox}/${name}`);
        // A chat, or a task that is due, is looked at again when a bell names it; others may have changed.
        if (known === 'chat' || (queue.get(mailbox, name)?.due ?? Infinity) <= now) continue;
        look(mailbox, name);
        if (performance.now() > until) {
          await new Promise((resolve) => setImmediate(resolve));
          until = performance.now() + SLICE;
        }
      }
    },
  };
}
