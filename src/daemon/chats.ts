/**
 * Chats are not run. They wait in the inbox to be read and acknowledged; one that replies to a running task is put
 * into it, and counts as read when the runner says that it took it in.
 */
import { maySay } from '../core/policy.js';
import type { ParsedMessage } from '../format/message.js';
import { messageOf } from '../core/errors.js';
import { acknowledge } from '../mailbox/acknowledge.js';
import { readPlace } from '../mailbox/locate.js';
import { checkSignature, judgeSignature } from '../mailbox/signing/check.js';
import type { Place } from '../core/message.js';
import type { RunningTask } from './run-task.js';
import type { Worker } from './worker.js';

export interface Chats {
  /** Looks at a chat in an inbox; true when it was put into a running task. */
  offer(place: Place, message: ParsedMessage): boolean;
  /** The runner took a message in. */
  received(uuid: string): Promise<void>;
  /** The run ended: chats it did not take in stay where they are. */
  forget(task: RunningTask): void;
}

export function createChats(worker: Worker, running: (id: string) => RunningTask | undefined): Chats {
  /** Chats that were put into a task and not yet taken in, by the uuid of the turn. */
  const offered = new Map<string, { place: Place; task: RunningTask }>();
  /** Chats whose signature is being looked at. */
  const checking = new Set<string>();
  const isOffered = (place: Place): boolean =>
    [...offered.values()].some((item) => item.place.mailbox === place.mailbox && item.place.name === place.name);
  const put = (place: Place, message: ParsedMessage, task: RunningTask): boolean => {
    const from = message.front.from ?? 'unknown';
    const uuid = worker.clock.newSession();
    const text = message.ownText.trim() || (message.front.subject ?? '');
    if (!task.say(from, text, uuid)) return false;
    offered.set(uuid, { place, task });
    return true;
  };
  const leave = (place: Place, why: string, hint: string | undefined): void => {
    const message = `${why}; ${place.mailbox}/inbox/${place.name} waits to be read`;
    worker.emit({ type: 'trouble', message, ...(hint !== undefined && { hint }) });
  };
  /** Where its sender must sign, nothing is put into a task that is not signed as it stands. */
  const putSigned = async (place: Place, message: ParsedMessage): Promise<void> => {
    const check = await checkSignature(worker.root, place, worker.clock.now());
    const bytes = readPlace(worker.root.dir, place);
    const task = message.front.in_reply_to === undefined ? undefined : running(message.front.in_reply_to);
    if (!bytes || !task) return;
    const judged = check && judgeSignature(worker.root, check, bytes, false);
    if (judged === 'again') return;
    if (judged) leave(place, judged.message, judged.hint);
    else put(place, message, task);
  };
  return {
    offer(place, message) {
      const { front } = message;
      const task = front.in_reply_to === undefined ? undefined : running(front.in_reply_to);
      if (isOffered(place)) return true;
      if (!task) return false;
      const may = maySay({ from: task.from, sayer: front.from ?? 'unknown' }, worker.root.config);
      if (!may.ok) {
        leave(place, may.error.message, may.error.hint);
        return false;
      }
      if (front['signature'] === undefined && worker.root.config.signatures.require === false)
        return put(place, message, task);
      const key = `${place.mailbox}/${place.name}`;
      if (checking.has(key)) return true;
      checking.add(key);
      void putSigned(place, message)
        .catch((error: unknown) => leave(place, messageOf(error), undefined))
        .finally(() => checking.delete(key));
      return true;
    },
    async received(uuid) {
      const item = offered.get(uuid);
      if (!item) return;
      try {
        await acknowledge(worker.root, worker.clock, worker.who, worker.catalog, item.place);
      } finally {
        // Not before it has moved: until then a bell would offer it once more.
        offered.delete(uuid);
      }
    },
    forget(task) {
      for (const [uuid, item] of offered) if (item.task === task) offered.delete(uuid);
    },
  };
}
