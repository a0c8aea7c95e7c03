/**
 * The façade: everything that can be done with the mailboxes of a root, for every front-end alike. Each method works
 * on the folders; the daemon, if one runs, sees them change.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { openCatalog, type Catalog, type CatalogRecord, type CatalogStats, type ListFilter } from '../catalog/index.js';
import type { Clock } from '../core/clock.js';
import { MailboxError } from '../core/errors.js';
import { STATES, type Place } from '../core/message.js';
import { listHidden, listMailboxes } from '../store/list.js';
import { hostDir } from '../store/paths.js';
import { ownProcess } from '../host/process-id.js';
import * as act from './act.js';
import { systemClock } from './clock.js';
import { resolveReference } from './find.js';
import { followMessage, type FollowEvent } from './follow.js';
import { recordFromHead } from './record.js';
import { readRoot, type Root } from './root.js';
import { sendMessage, type Draft, type Sent } from './send.js';
import { readParked, type Parked } from './parked.js';
import { readRunning, type RunningTaskView } from './progress.js';
import { showMessage, type MessageView } from './show.js';

export interface OpenOptions {
  /** `write` for the daemon, which keeps the index; everyone else reads it. */
  mode?: 'read' | 'write';
  clock?: Clock;
  onProblem?: (fault: MailboxError) => void;
}

export interface MessageList {
  records: CatalogRecord[];
  total: number;
  parked: Parked[];
}

export interface Mailboxes extends AsyncDisposable {
  readonly root: Root;
  readonly clock: Clock;
  readonly catalog: Catalog;
  /** Delivers a message; durable when it returns. */
  send(draft: Draft): Promise<Sent>;
  /** The message that `reference` (an id, the unique beginning of one, or a file's path) names. Throws `not_found`, `ambiguous`. */
  find(reference: string): Promise<CatalogRecord>;
  list(filter?: ListFilter): Promise<MessageList>;
  show(reference: string): Promise<MessageView>;
  /** Says something to a task, as a chat that replies to it. */
  say(reference: string, text: string, from?: string): Promise<Sent>;
  cancel(reference: string): Promise<Place>;
  retry(reference: string): Promise<Place>;
  /** A chat was read. */
  ack(reference: string): Promise<Place>;
  delete(reference: string): Promise<Place>;
  move(reference: string, mailbox: string): Promise<Place>;
  stats(): Promise<CatalogStats & { parked: Parked[] }>;
  /** What is being run now, the oldest first. */
  running(): Promise<RunningTaskView[]>;
  /** What is written into a message from now on (or from its beginning), until it has ended. What was just sent is followed wherever it went since. */
  follow(message: string | Sent, options?: { signal?: AbortSignal; fromStart?: boolean }): AsyncIterable<FollowEvent>;
  /** Brings the catalog in line with the folders; `quick` takes finished messages that it knows by name alone. */
  sync(how?: { quick?: boolean }): Promise<void>;
  close(): Promise<void>;
}

/** How often, and after how many ms, a message that seems to be on its way is looked for. */
const FIND_TRIES = 8;
const FIND_PAUSE = 40;

/** Whether some message is being claimed or moved right now. */
function isAnyMoving(root: string): boolean {
  return listMailboxes(root).some((mailbox) => STATES.some((state) => listHidden(root, mailbox, state).length > 0));
}

/** Opens the root in `dir`. Throws `invalid` when its configuration cannot be used. */
export async function openMailboxes(dir: string, options: OpenOptions = {}): Promise<Mailboxes> {
  const root = readRoot(dir);
  const clock = options.clock ?? systemClock;
  const catalog = await openCatalog(hostDir(dir), {
    mode: options.mode ?? 'read',
    root: dir,
    toRecord: (place, bytes, stat) => recordFromHead(place, bytes, { size: stat.size, mtimeMs: stat.mtimeMs }),
    ...(options.onProblem && { onProblem: options.onProblem }),
  });
  const who = ownProcess();
  const sync = async (how: { quick?: boolean } = {}): Promise<void> => void (await catalog.sync(how));
  let isSynced = false;
  /** The first look is a whole one. The daemon then keeps its catalog in step itself; everyone else looks again. */
  const fresh = async (): Promise<void> => {
    const first = !isSynced;
    isSynced = true;
    if (first || catalog.mode === 'read') await sync({ quick: !first });
  };
  const context = { root, clock, catalog, who };
  const find = async (reference: string): Promise<CatalogRecord> => {
    await fresh();
    for (let tries = 0; ; tries += 1) {
      try {
        return resolveReference(context, reference);
      } catch (error) {
        if (!(error instanceof MailboxError) || error.code !== 'not_found') throw error;
        // It came, or moved, since the folders were last looked at; while it moves it is nowhere for a moment.
        const isKnown = catalog.findById(reference, 1).length > 0 || isAnyMoving(dir);
        if (tries >= (isKnown ? FIND_TRIES : 1)) throw error;
        if (tries > 0) await sleep(FIND_PAUSE);
        await sync();
      }
    }
  };
  return {
    root,
    clock,
    catalog,
    find,
    sync,
    async send(draft) {
      const sent = await sendMessage(root, clock, draft);
      catalog.refresh(sent.place);
      return sent;
    },
    async list(filter = {}) {
      await fresh();
      return { ...catalog.list(filter), parked: readParked(dir) };
    },
    show: async (reference) => showMessage(context, await find(reference)),
    say: async (reference, text, from) => act.say(context, await find(reference), text, from),
    cancel: async (reference) => act.cancel(context, await find(reference)),
    retry: async (reference) => act.retry(context, await find(reference)),
    ack: async (reference) => act.ack(context, await find(reference)),
    delete: async (reference) => act.remove(context, await find(reference)),
    move: async (reference, mailbox) => act.reassign(context, await find(reference), mailbox),
    async stats() {
      await fresh();
      return { ...catalog.stats(), parked: readParked(dir) };
    },
    async running() {
      await sync();
      return readRunning(context, catalog.list({ state: 'in_progress', limit: 1_000 }).records.toReversed());
    },
    async *follow(message, followOptions = {}) {
      const target = typeof message === 'string' ? await find(message) : { id: message.id, ...message.place };
      yield* followMessage(context, target, followOptions);
    },
    close: () => catalog.close(),
    [Symbol.asyncDispose]: () => catalog.close(),
  };
}

export type { Draft, FollowEvent, MessageView, Parked, Sent };
