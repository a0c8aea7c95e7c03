/**
 * Following a message by its file, from any process: what is written into it, as it is written, and its end. A look
 * every tenth of a second costs a stat.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Place, State } from '../core/message.js';
import { readAnswer } from '../format/answer.js';
import { parseMessage, resultText, type ParsedMessage } from '../format/message.js';
import { statMessage } from '../store/list.js';
import { messagePath } from '../store/paths.js';
import type { Desk } from './find.js';
import { locateMessage, readPlace } from './locate.js';

export type FollowEvent =
  | { type: 'state'; state: State; place: Place }
  /** Markdown that was appended. */
  | { type: 'text'; text: string }
  /** It has ended; `result` is the answer or the reason, `structured_output` the answer's value where it is JSON. */
  | FollowEnd
  /** It was deleted. */
  | { type: 'gone' }
  /** Another host runs it; what comes now is what that host sends. */
  | { type: 'elsewhere'; worker: string; host: string }
  /** Something to tell a person: the remote cannot be reached. */
  | { type: 'note'; message: string };

export interface FollowEnd {
  type: 'end';
  state: State;
  outcome: string;
  result: string;
  structured_output?: unknown;
  place: Place;
  /** False where it was read from the remote and is not in the folders here yet. */
  here?: false;
}

export interface FollowOptions {
  signal?: AbortSignal;
  fromStart?: boolean;
}

const LOOK = 100;
/** How long a message must be nowhere to count as deleted, ms. */
const GONE = 1_000;

/** Ends with `end` or `gone`, or when the signal fires. Starts at the file's current end, or with the first recorded run. */
export async function* followFile(
  desk: Desk,
  record: Place & { id: string },
  options: FollowOptions,
): AsyncIterable<FollowEvent> {
  const { signal } = options;
  const root = desk.root.dir;
  let place: Place = { mailbox: record.mailbox, state: record.state, name: record.name };
  let id = record.id;
  let offset: number | undefined;
  let decoder = new StringDecoder('utf8');
  let seen: State | undefined;
  let entries = 0;
  let missingSince: number | undefined;
  const started = desk.clock.now();

  while (!signal?.aborted) {
    const stat = statMessage(root, place);
    if (!stat) {
      // It moved, or is on its way: a claim and an end hide it for a moment.
      const found = id === '' ? claimedAs(desk, place) : locateMessage(root, id, place, started - 60_000);
      if (found) {
        place = found;
        continue;
      }
      missingSince ??= performance.now();
      if (performance.now() - missingSince > GONE) {
        yield { type: 'gone' };
        return;
      }
      await pause(LOOK, signal);
      continue;
    }
    missingSince = undefined;
    if (place.state !== seen) {
      seen = place.state;
      yield { type: 'state', state: place.state, place };
    }
    if (place.state === 'complete' || place.state === 'failed') {
      const message = read(desk, place);
      const end = endOf(message, place);
      if (end) {
        yield end;
        return;
      }
    } else if (place.state === 'in_progress') {
      if (offset === undefined) {
        const message = read(desk, place);
        id = message?.front.id ?? id;
        const rest = message?.recorded.slice(beginOf(message, entries, options.fromStart)) ?? '';
        offset = Number(stat.size) - Buffer.byteLength(rest);
        entries += 1;
      }
      const text = readFrom(messagePath(root, place), offset, decoder);
      if (text !== undefined) {
        offset += text.bytes;
        if (text.text !== '') yield { type: 'text', text: text.text };
      }
    } else {
      offset = undefined;
      decoder = new StringDecoder('utf8');
    }
    await pause(LOOK, signal);
  }
}

/** The end that an ended message tells of; undefined while its worker has yet to write it. */
export function endOf(message: ParsedMessage | undefined, place: Place): FollowEnd | undefined {
  const { state } = place;
  if (!message) return { type: 'end', state, outcome: 'refused', result: '', place };
  const { result, claim } = message.front;
  if (result === undefined && claim !== undefined) return undefined;
  const answer = readAnswer(resultText(message) ?? result?.error?.message ?? '');
  return { type: 'end', state, outcome: result?.outcome ?? state, ...answer, place };
}

/** Where in `recorded` to begin: at the first run, at the current end, or, for another attempt, at that attempt. */
function beginOf(message: ParsedMessage, entries: number, fromStart: boolean | undefined): number {
  if (entries > 0) return message.markers.findLast((marker) => marker.kind === 'run')?.start ?? message.recorded.length;
  return fromStart ? 0 : message.recorded.length;
}

/** A file without an id was claimed meanwhile: it has the same name in `in_progress/` or beyond. */
function claimedAs(desk: Desk, place: Place): Place | undefined {
  for (const state of ['in_progress', 'complete', 'failed'] as const) {
    const there = { ...place, state };
    if (statMessage(desk.root.dir, there)) return there;
  }
  return undefined;
}

function read(desk: Desk, place: Place): ParsedMessage | undefined {
  return tryParse(readPlace(desk.root.dir, place), desk.root.config.key);
}

/** The message, for showing it; undefined for what cannot be read as one. */
export function tryParse(bytes: Uint8Array | undefined, key: string): ParsedMessage | undefined {
  try {
    return bytes && parseMessage(bytes, key, { trustFields: true });
  } catch {
    return undefined;
  }
}

function readFrom(path: string, offset: number, decoder: StringDecoder): { text: string; bytes: number } | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    const chunk = Buffer.allocUnsafe(64 * 1024);
    const bytes = readSync(fd, chunk, 0, chunk.length, offset);
    return { text: decoder.write(chunk.subarray(0, bytes)), bytes };
  } finally {
    closeSync(fd);
  }
}

export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, signal ? { signal } : {}).catch(() => undefined);
}
