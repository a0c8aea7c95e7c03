/**
 * Chats are not run. They wait in the inbox to be read and acknowledged; one that replies to a running task is put
 * into it, and counts as read when the runner says that it took it in.
 */
import { maySay } from '../core/policy.js';
import type { ParsedMessage } from '../format/message.js';
import { acknowledge } from '../mailbox/acknowledge.js';
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
  const isOffered = (place: Place): boolean =>
    [...offered.values()].some((item) => item.place.mailbox === place.mailbox && item.place.name === place.name);
  return {
    offer(place, message) {
      const { front } = message;
      const task = front.in_reply_to === undefined ? undefined : running(front.in_reply_to);
      if (isOffered(place)) return true;
      if (!task) return false;
      const from = front.from ?? 'unknown';
      const may = maySay({ from: task.from, sayer: from }, worker.root.config);
      if (!may.ok) {
        worker.emit({
          type: 'trouble',
          message: `${may.error.message}; ${place.mailbox}/inbox/${place.name} waits to be read`,
          hint: may.error.hint,
        });
        return false;
      }
      const uuid = worker.clock.newSession();
      const text = message.ownText.trim() || (front.subject ?? '');
      if (!task.say(from, text, uuid)) return false;
      offered.set(uuid, { place, task });
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
