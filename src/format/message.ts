/**
 * A message file's bytes, read: the person's fields and own text, and what workers recorded below it.
 *
 * The own text is everything between the front matter and the first recorded marker, byte for byte, less the one line
 * end that stands before a marker.
 */
import { MailboxError } from '../core/errors.js';
import type { FrontMatter } from '../core/message.js';
import { isClaimToken, isRefusalToken } from '../core/token.js';
import { editBlock, readFields, splitFrontMatter, type SplitText } from './front-matter.js';
import { findMarkers, type Marker } from './markers.js';
import { MAX_YAML_BYTES } from './yaml.js';

/** Largest own text and front matter of a message, bytes. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

export interface ParsedMessage {
  split: SplitText;
  front: FrontMatter;
  /** What the person wrote below the front matter, byte for byte. */
  ownText: string;
  /** From the line end before the first recorded marker to the end of the file; empty for a new message. */
  recorded: string;
  /** The recorded markers; offsets are into `recorded`. */
  markers: Marker[];
}

/** The bytes as text. Throws `invalid` for what is not UTF-8 or holds a NUL. */
export function decodeText(bytes: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    const wide = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
    throw new MailboxError('invalid', `found ${wide ? 'UTF-16' : 'bytes that are not UTF-8'}, expected UTF-8 text`, {
      cause,
      hint: 'save the file as UTF-8',
    });
  }
  const nul = text.indexOf('\0');
  if (nul !== -1) {
    throw new MailboxError('invalid', `found a NUL character at offset ${nul}, expected text`, {
      hint: 'send binary files as attachments',
    });
  }
  return text;
}

export interface ParseOptions {
  /**
   * Count markers, too, whose token stands in the front matter: for showing a message that another host ran, never
   * for deciding what to run.
   */
  trustFields?: boolean;
}

/**
 * Reads a message. Markers count only when `key` made their token for this message's id (or for a refusal).
 * Throws `invalid` with what was found, what was expected and the next step.
 */
export function parseMessage(bytes: Uint8Array, key: string, options: ParseOptions = {}): ParsedMessage {
  const text = decodeText(bytes);
  const split = splitFrontMatter(text);
  const front = (split.block === undefined ? {} : readFields(split.block)) as FrontMatter;
  const id = typeof front.id === 'string' ? front.id : '';
  const origin = typeof front.copied_from === 'string' ? front.copied_from : '';
  const named = options.trustFields ? namedTokens(front) : undefined;
  const isOurs = (token: string): boolean =>
    named?.has(token) ||
    isClaimToken(key, id, token) ||
    isRefusalToken(key, token) ||
    (options.trustFields === true && /^r[a-z0-9]{1,32}-[a-z2-7]{20}$/.test(token)) ||
    (origin !== '' && isClaimToken(key, origin, token));
  const markers = findMarkers(split.body, isOurs);
  const first = markers[0];
  if (!first) return { split, front, ownText: split.body, recorded: '', markers };
  const cut = split.body[first.start - 1] === '\n' ? first.start - 1 : first.start;
  const from = cut > 0 && split.eol === '\r\n' && split.body[cut - 1] === '\r' ? cut - 1 : cut;
  return {
    split,
    front,
    ownText: split.body.slice(0, from),
    recorded: split.body.slice(from),
    markers: markers.map((marker) => ({ ...marker, start: marker.start - from, end: marker.end - from })),
  };
}

function namedTokens(front: FrontMatter): Set<string> {
  const runs = Array.isArray(front.runs) ? front.runs : [];
  return new Set(
    [front.seal, front.claim?.token, ...runs.map((run) => run?.token)].filter((token) => typeof token === 'string'),
  );
}

/** Puts a message together again from its parts, with some front-matter fields set or (undefined) removed. */
export function assembleMessage(
  parts: { split: SplitText; ownText: string; recorded: string },
  changes: Record<string, unknown> = {},
): string {
  const { split } = parts;
  const body = parts.ownText + parts.recorded;
  const isChange = Object.keys(changes).length > 0;
  if (split.block === undefined && !isChange) return split.bom + body;
  if (split.block === undefined) {
    const block = editBlock('', changes, split.eol);
    mustBeReadable(block);
    return `${split.bom}---${split.eol}${block}---${split.eol}${body}`;
  }
  const block = isChange ? editBlock(split.block, changes, split.eol) : split.block;
  if (isChange) mustBeReadable(block);
  const close = body !== '' && !split.close.endsWith('\n') ? split.close + split.eol : split.close;
  return split.bom + split.open + block + close + body;
}

/** What could not be read again is not written. Throws `invalid`. */
function mustBeReadable(block: string): void {
  const bytes = Buffer.byteLength(block);
  if (bytes <= MAX_YAML_BYTES) return;
  throw new MailboxError('invalid', `front matter: would have ${bytes} bytes, expected at most ${MAX_YAML_BYTES}`, {
    hint: 'make it shorter: long texts belong below it, data into attachments',
  });
}

/** The answer in the last recorded result section, without the line ends around it; undefined when there is none. */
export function resultText(message: ParsedMessage): string | undefined {
  const last = message.markers.findLast((marker) => marker.kind === 'result');
  if (!last) return undefined;
  const next = message.markers.find((marker) => marker.start > last.start);
  const section = message.recorded.slice(last.end, next?.start ?? message.recorded.length);
  return section.replace(/^\s*## Result[ \t]*\r?\n/, '').trim();
}

/** The N of the last `## Run N`; 0 when it has none. */
export function lastRunNumber(message: ParsedMessage): number {
  return message.markers.reduce((most, marker) => (marker.kind === 'run' ? Math.max(most, marker.n) : most), 0);
}
