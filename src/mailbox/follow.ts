/**
 * Following a message from any process: what is written into its file, as it is written, and its end. The file is all
 * there is to follow; a look every tenth of a second costs a stat.
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
  | { type: 'end'; state: State; outcome: string; result: string; structured_output?: unknown; place: Place }
  /** It was deleted. */
  | { type: 'gone' };

const LOOK = 100;
/** How long a message must be nowhere to count as deleted, ms. */
const GONE = 1_000;

/** Ends with `end` or `gone`, or when the signal fires. Starts at the file's current end, or with the first recorded run. */
export async function* followMessage(
  desk: Desk,
  record: Place & { id: string },
  options: { signal?: AbortSignal; fromStart?: boolean },
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
      if (message && (message.front.result !== undefined || message.front.claim === undefined)) {
        const outcome = message.front.result?.outcome ?? place.state;
        yield {
          type: 'end',
          state: place.state,
          outcome,
          ...readAnswer(resultText(message) ?? message.front.result?.error?.message ?? ''),
          place,
        };
        return;
      }
      if (!message) {
        yield { type: 'end', state: place.state, outcome: 'refused', result: '', place };
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
  const bytes = readPlace(desk.root.dir, place);
  try {
    return bytes && parseMessage(bytes, desk.root.config.key, { trustFields: true });
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

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, signal ? { signal } : {}).catch(() => undefined);
}
