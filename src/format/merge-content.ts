/**
 * What the merge writes into messages: the run of a task that a person moved while it ran, and the follow-up that keeps
 * an edit made meanwhile. Pure, and the same on every host.
 */
import { MailboxError } from '../core/errors.js';
import type { FrontMatter, ResultRecord, State } from '../core/message.js';
import { renamedFor } from '../core/names.js';
import { assembleMessage, parseMessage, type ParsedMessage } from './message.js';

function read(bytes: Uint8Array): ParsedMessage | undefined {
  try {
    return parseMessage(bytes, '', { trustFields: true });
  } catch (error) {
    if (error instanceof MailboxError) return undefined;
    throw error;
  }
}

/**
 * The message where a person put it (`state`), with what the run wrote: their fields and their text stand, the runs are
 * the holder's, and the end agrees with the folder.
 */
export function appendRunTo(current: Uint8Array, result: Uint8Array, state: State, isOnlyMoved = false): Uint8Array {
  const theirs = read(current);
  const ours = read(result);
  if (!theirs || !ours) return Buffer.concat([current, Buffer.from('\n\n'), result]);
  const { front } = ours;
  const last = front.runs?.at(-1)?.token;
  if (last !== undefined && theirs.front.runs?.some((run) => run.token === last)) return current;
  // An edit that the run already had is in its file alone: where the other was only moved, that is the newer text.
  const own = isOnlyMoved ? ours : theirs;
  const mine = endFor(state, front.result, theirs.front.result);
  const changes: Record<string, unknown> = {
    ...(front.id !== undefined && theirs.front.id === undefined && { id: front.id }),
    ...{ seal: front.seal, epoch: front.epoch, runs: front.runs, claim: undefined, result: mine },
    ...(state === 'inbox' && { attempts: undefined, retry_at: undefined }),
  };
  const rest = isOnlyMoved || ours.recorded.startsWith(theirs.recorded) ? '' : theirs.recorded;
  try {
    const recorded = ours.recorded + (rest === '' ? '' : `\n${rest.replace(/^\r?\n/, '')}`);
    return Buffer.from(assembleMessage({ split: own.split, ownText: own.ownText, recorded }, changes));
  } catch (error) {
    if (!(error instanceof MailboxError)) throw error;
    return Buffer.concat([current, Buffer.from('\n\n'), result]);
  }
}

function endFor(
  state: State,
  ran: ResultRecord | undefined,
  theirs: ResultRecord | undefined,
): ResultRecord | undefined {
  if (state === 'inbox' || state === 'in_progress') return undefined;
  if (!ran) return theirs;
  if (state === 'failed') return theirs ?? { ...ran, outcome: ran.outcome === 'complete' ? 'cancelled' : ran.outcome };
  return { ...ran, outcome: 'complete' };
}

/** The message as its sender would write it: front matter and own text. */
function wholeOf({ split, ownText }: ParsedMessage): string {
  return split.block === undefined ? ownText : `${split.open}${split.block}${split.close}${ownText}`;
}

export interface FollowUp {
  /** Name of its file, from the edited one's name. */
  name: string;
  id: string;
  bytes: Uint8Array;
}

/**
 * A chat that holds what a person changed in a message while it ran. `mark` is the beginning of the edited version's
 * object id: the same edit makes the same follow-up on every host.
 */
export function followUpOf(edited: Uint8Array, name: string, mark: string): FollowUp {
  const message = read(edited);
  const front: FrontMatter = message?.front ?? {};
  const id = `fu-${(typeof front.id === 'string' ? front.id : 'none').slice(0, 45)}-${mark}`;
  // The fields, too: what was edited may stand there.
  const text = message === undefined ? new TextDecoder().decode(edited) : wholeOf(message);
  const quote = text
    .replace(/\s+$/, '')
    .split(/\r?\n/)
    .map((line) => (line === '' ? '>' : `> ${line}`))
    .join('\n');
  const fields = {
    ...{ id, type: 'chat' },
    ...(typeof front.from === 'string' && { from: front.from }),
    ...(typeof front.to === 'string' && { to: front.to }),
    ...(typeof front.id === 'string' && { in_reply_to: front.id }),
    ...(typeof front.thread === 'string' && { thread: front.thread }),
    subject: 'Edited while it ran',
  };
  const body = `This task was edited while it ran. Its result answers the text before the edit; this is the edited one:\n\n${quote}\n`;
  const split = { bom: '', open: '---\n', block: '', close: '---\n', body: '', eol: '\n' as const };
  return {
    name: renamedFor(name, `edit-${mark}`),
    id,
    bytes: Buffer.from(assembleMessage({ split, ownText: body, recorded: '' }, fields)),
  };
}

/** Whether `after` has a run that `before` has not. */
export function isRunOf(before: Uint8Array, after: Uint8Array): boolean {
  const known = new Set((read(before)?.front.runs ?? []).map((run) => run?.token));
  return (read(after)?.front.runs ?? []).some((run) => !known.has(run?.token));
}
