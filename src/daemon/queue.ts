/** The tasks that wait, in memory: what the folders say, in the order they will be run. Pure; times are arguments. */
import { PRIORITIES, type Priority } from '../core/message.js';
import { createHeap, type Heap } from './heap.js';

export interface Waiting {
  mailbox: string;
  name: string;
  priority: Priority;
  /** What age is counted from, ms since 1970. */
  created: number;
  /** Not before this time, ms since 1970; 0 for at once. */
  due: number;
  /** Which content of the file this says (its size and times), so that it is read once. */
  stamp?: string;
  /** main shows it in `in_progress/`, and nobody holds it. */
  isShown?: boolean;
}

export interface Queue {
  put(task: Waiting): void;
  drop(mailbox: string, name: string): void;
  has(mailbox: string, name: string): boolean;
  get(mailbox: string, name: string): Waiting | undefined;
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

/** What waits in one mailbox: by name, and in the order of its turn and of its time. */
interface Box {
  tasks: Map<string, Waiting>;
  /** Those that are due. A task that was dropped or replaced stays until it comes to the top. */
  ready: Heap<Waiting>;
  later: Heap<Waiting>;
}

function createBox(tasks = new Map<string, Waiting>()): Box {
  const box: Box = { tasks, ready: createHeap(isBefore), later: createHeap((a, b) => a.due < b.due) };
  for (const task of tasks.values()) enter(box, task);
  return box;
}

function enter(box: Box, task: Waiting): void {
  (task.due > 0 ? box.later : box.ready).push(task);
}

export function createQueue(): Queue {
  const boxes = new Map<string, Box>();
  const top = (box: Box, heap: Heap<Waiting>): Waiting | undefined => {
    let task = heap.peek();
    while (task && box.tasks.get(task.name) !== task) {
      heap.pop();
      task = heap.peek();
    }
    return task;
  };
  const ripen = (box: Box, now: number): void => {
    for (let task = top(box, box.later); task && task.due <= now; task = top(box, box.later)) {
      box.later.pop();
      box.ready.push(task);
    }
  };
  return {
    put(task) {
      const box = boxes.get(task.mailbox) ?? createBox();
      box.tasks.set(task.name, task);
      enter(box, task);
      const isStale = box.ready.size + box.later.size > 2 * box.tasks.size + 64;
      boxes.set(task.mailbox, isStale ? createBox(box.tasks) : box);
    },
    drop: (mailbox, name) => void boxes.get(mailbox)?.tasks.delete(name),
    has: (mailbox, name) => boxes.get(mailbox)?.tasks.has(name) ?? false,
    get: (mailbox, name) => boxes.get(mailbox)?.tasks.get(name),
    names: (mailbox) => boxes.get(mailbox)?.tasks.keys() ?? [],
    next(now, isOpen) {
      let best: Waiting | undefined;
      for (const [mailbox, box] of boxes) {
        if (!isOpen(mailbox)) continue;
        ripen(box, now);
        const task = top(box, box.ready);
        if (task && (best === undefined || isBefore(task, best))) best = task;
      }
      return best;
    },
    nextDue(now) {
      let soonest: number | undefined;
      for (const box of boxes.values()) {
        ripen(box, now);
        const due = top(box, box.later)?.due;
        if (due !== undefined && (soonest === undefined || due < soonest)) soonest = due;
      }
      return soonest;
    },
    size(mailbox) {
      if (mailbox !== undefined) return boxes.get(mailbox)?.tasks.size ?? 0;
      return [...boxes.values()].reduce((sum, box) => sum + box.tasks.size, 0);
    },
  };
}
