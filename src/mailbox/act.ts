/**
 * What a person may command. Each is a move of the file, just as `mv` would do it: a running daemon sees the file go
 * and obeys; without a daemon it has simply happened.
 */
import type { CatalogRecord } from '../catalog/index.js';
import { MailboxError } from '../core/errors.js';
import { canTake, STEPS, type Step } from '../core/lifecycle.js';
import { maySay } from '../core/policy.js';
import type { Place } from '../core/message.js';
import { claimToken } from '../core/token.js';
import { isMailboxName } from '../core/names.js';
import { assembleMessage, parseMessage } from '../format/message.js';
import { removeQuietly } from '../store/durable.js';
import { listMailboxes } from '../store/list.js';
import { messagePath } from '../store/paths.js';
import { moveMessage, settleMessage } from '../store/settle.js';
import { acknowledge, noteMove } from './acknowledge.js';
import { nameOf, type Desk } from './find.js';
import { MAX_FILE_BYTES } from './locate.js';
import { defaultSender, type Root } from './root.js';
import { sendMessage, type Sent } from './send.js';

/** Throws `conflict` when the lifecycle has no such step from where the message is. */
function mustBeAble(step: Step, record: CatalogRecord, hint: string): void {
  if (canTake(step, record.type, record.state)) return;
  const expected = STEPS[step].from.map((state) => `${state}/`).join(' or ');
  throw new MailboxError(
    'conflict',
    `cannot ${step} ${nameOf(record)}: it is in ${record.state}/, expected ${expected}`,
    { hint },
  );
}

function lost(record: CatalogRecord, doing: string): MailboxError {
  return new MailboxError('conflict', `cannot ${doing} ${nameOf(record)}: it was moved at the same moment`, {
    hint: `look where it is now: mailboxd show ${record.id}`,
  });
}

async function moveTo(desk: Desk, record: CatalogRecord, to: Omit<Place, 'name'>, doing: string): Promise<Place> {
  const placed = await moveMessage(desk.root.dir, record, to, desk.who);
  noteMove(desk.catalog, desk.root.dir, record, placed);
  if (!placed) throw lost(record, doing);
  return placed;
}

/** A waiting task ends in `failed/`; a running one is stopped by its daemon, which writes the end. */
export async function cancel(desk: Desk, record: CatalogRecord): Promise<Place> {
  mustBeAble('cancel', record, 'it has ended already');
  const to = { mailbox: record.mailbox, state: STEPS.cancel.to };
  // Where this host has no key, nothing that it wrote could be told from a forgery later: the file is moved, as by `mv`.
  if (record.state === 'in_progress' || !desk.root.configured) return moveTo(desk, record, to, 'cancel');
  const { key } = desk.root.config;
  const build = (bytes: Buffer): string => {
    const message = parseMessage(bytes, key);
    const id = message.front.id ?? desk.clock.newId();
    const at = new Date(desk.clock.now()).toISOString();
    // With a remote, another host may run it although it waits here: that host writes what became of the run.
    const { remote, host } = desk.root.config;
    const how = remote === undefined ? 'before it ran' : `on ${host}`;
    const error = { code: 'cancelled', message: `it was cancelled ${how}` };
    return assembleMessage(message, {
      id,
      seal: claimToken(key, id, message.front.epoch ?? 0),
      result: { outcome: 'cancelled', at, error },
    });
  };
  try {
    const placed = await settleMessage(desk.root.dir, record, to, desk.who, MAX_FILE_BYTES, build);
    noteMove(desk.catalog, desk.root.dir, record, placed);
    if (!placed) throw lost(record, 'cancel');
    return placed;
  } catch (error) {
    // A file that cannot be read as a message is cancelled all the same, as it is.
    if (error instanceof MailboxError && error.code === 'invalid') return moveTo(desk, record, to, 'cancel');
    throw error;
  }
}

export async function retry(desk: Desk, record: CatalogRecord): Promise<Place> {
  mustBeAble('retry', record, 'it is waiting to be run already');
  return moveTo(desk, record, { mailbox: record.mailbox, state: STEPS.retry.to }, 'retry');
}

export async function ack(desk: Desk, record: CatalogRecord): Promise<Place> {
  if (record.type !== 'chat') {
    throw new MailboxError('usage', `cannot acknowledge ${nameOf(record)}: it is a task`, {
      hint: 'a task is run by a daemon, or cancelled with `mailboxd cancel`',
    });
  }
  mustBeAble('acknowledge', record, 'it was read already');
  const placed = await acknowledge(desk.root, desk.clock, desk.who, desk.catalog, record);
  if (!placed) throw lost(record, 'acknowledge');
  return placed;
}

export async function remove(desk: Desk, record: CatalogRecord): Promise<Place> {
  removeQuietly(messagePath(desk.root.dir, record));
  noteMove(desk.catalog, desk.root.dir, record, undefined);
  return record;
}

export async function reassign(desk: Desk, record: CatalogRecord, mailbox: string): Promise<Place> {
  const mailboxes = listMailboxes(desk.root.dir);
  if (!isMailboxName(mailbox) || !mailboxes.includes(mailbox)) {
    throw new MailboxError('not_found', `there is no mailbox ${JSON.stringify(mailbox.slice(0, 80))}`, {
      hint: `there are: ${mailboxes.join(', ') || 'none'}; a first \`mailboxd send\` makes one`,
    });
  }
  if (mailbox === record.mailbox) throw new MailboxError('usage', `${nameOf(record)} is in that mailbox already`);
  return moveTo(desk, record, { mailbox, state: STEPS.reassign.to }, 'move');
}

/**
 * A chat that replies to the message. A running task takes it in; any other leaves it to be read. Throws `refused`
 * when this host would keep it from the running task.
 */
export async function say(desk: Desk, record: CatalogRecord, text: string, from: string | undefined): Promise<Sent> {
  const sender = sayerOf(desk.root, record, from);
  if (record.type === 'task' && record.state === 'in_progress' && desk.root.configured) {
    const may = maySay({ from: record.from, sayer: sender }, desk.root.config);
    if (!may.ok) throw new MailboxError('refused', may.error.message, { hint: may.error.hint });
  }
  const sent = await sendMessage(desk.root, desk.clock, {
    to: record.mailbox,
    text,
    fields: {
      type: 'chat',
      in_reply_to: record.id,
      ...(sender !== undefined && { from: sender }),
      ...(record.thread !== undefined && { thread: record.thread }),
    },
  });
  desk.catalog.refresh(sent.place);
  return sent;
}

/** Who wrote a task without `from` gave no name, and gives none here either, where this host's own has no say in it. */
function sayerOf(root: Root, record: CatalogRecord, from: string | undefined): string | undefined {
  const sender = from ?? defaultSender(root, process.env);
  if (from !== undefined || process.env['CLAUDE_ID'] || record.type !== 'task') return sender;
  const may = maySay({ from: record.from, sayer: sender }, root.config);
  return !may.ok && maySay({ from: record.from, sayer: undefined }, root.config).ok ? undefined : sender;
}
