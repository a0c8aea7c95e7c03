/** The tasks that wait, in memory: what the folders say, in the order they will be run. Pure; times are arguments. */
import { PRIORITIES, type Priority } from '../core/message.js';

export interface Waiting {
  mailbox: string;
  name: string;
  priority: Priority;
  /** What age is counted from, ms since 1970. */
  created: number;
  /** Not before this time, ms since 1970; 0 for at once. */
  due: number;
}

export interface Queue {
  put(task: Waiting): void;
  drop(mailbox: string, name: string): void;
  has(mailbox: string, name: string): boolean;
  names(mailbox: string): Iterable<string>;
  /** The most pressing task that is due, of the mailboxes that `isOpen` accepts; the oldest among equals. */
  next(now: number, isOpen: (mailbox: string) => boolean): Waiting | undefined;
  /** When the next task that is not due becomes so, ms since 1970. */
  nextDue(now: number): number | undefined;
  /** How many wait, due or not. */
  size(mailbox?: string): number;
}

function isBefore(a: Waiting, b: Waiting): boolean {
  const rank = PRIORITIES.indexOf(a.priority) - PRIORITIES.indexOf(b.priority);
  if (rank !== 0) return rank > 0;
  if (a.created !== b.created) return a.created < b.created;
  return a.name < b.name;
}

export function createQueue(): Queue {
  const boxes = new Map<string, Map<string, Waiting>>();
  return {
    put(task) {
      let box = boxes.get(task.mailbox);
      if (!box) boxes.set(task.mailbox, (box = new Map()));
      box.set(task.name, task);
    },
    drop: (mailbox, name) => void boxes.get(mailbox)?.delete(name),
    has: (mailbox, name) => boxes.get(mailbox)?.has(name) ?? false,
    names: (mailbox) => boxes.get(mailbox)?.keys() ?? [],
    next(now, isOpen) {
      let best: Waiting | undefined;
      for (const [mailbox, box] of boxes) {
        if (!isOpen(mailbox)) continue;
        for (const task of box.values())
          if (task.due <= now && (best === undefined || isBefore(task, best))) best = task;
      }
      return best;
    },
    nextDue(now) {
      let soonest: number | undefined;
      for (const box of boxes.values()) {
        for (const task of box.values())
          if (task.due > now && (soonest === undefined || task.due < soonest)) soonest = task.due;
      }
      return soonest;
    },
    size: (mailbox) =>
      mailbox === undefined
        ? [...boxes.values()].reduce((sum, box) => sum + box.size, 0)
        : (boxes.get(mailbox)?.size ?? 0),
  };
}
