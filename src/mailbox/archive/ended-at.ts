/**
 * When a finished message ended, read from the message alone, so that every host says the same: never from the file's
 * times, which differ from host to host, nor from a time without a zone as this host would read it.
 */
import type { FrontMatter } from '../../core/message.js';
import { isMessageId } from '../../core/names.js';
import { readFields, splitFrontMatter } from '../../format/front-matter.js';

/** Bytes that hold the front matter of any message there can be. */
const HEAD_BYTES = 64 * 1024 + 256;
const DECODER = new TextDecoder('utf-8');
const TIME = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)([Zz]|[+-]\d\d:\d\d)?)?$/;
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

export interface FinishedHead {
  /** Undefined for a file that never got one. */
  id: string | undefined;
  /** ms since 1970; undefined when nothing in it tells. */
  ended: number | undefined;
  /** A claim stands in it: somebody may be at work on it. */
  isClaimed: boolean;
}

/** Of a message file's bytes (its beginning is enough) and its name. Never throws: what cannot be read has a name still. */
export function readFinishedHead(bytes: Buffer, name: string): FinishedHead {
  let front: FrontMatter = {};
  try {
    const split = splitFrontMatter(DECODER.decode(bytes.subarray(0, HEAD_BYTES)));
    if (split.block !== undefined) front = readFields(split.block) as FrontMatter;
  } catch {
    // the file's name is left to go by
  }
  const id = typeof front.id === 'string' && isMessageId(front.id) ? front.id : undefined;
  return { id, ended: endedAt(front, name), isClaimed: front.claim !== undefined && front.claim !== null };
}

/** Its result's time, else its last run's end, else `created`, else its id's time, else the date its name begins with. */
export function endedAt(front: FrontMatter, name: string): number | undefined {
  const runs: unknown[] = Array.isArray(front.runs) ? front.runs : [];
  const base = name.split('/').at(-1) ?? name;
  return (
    timeOf(fieldOf(front.result, 'at')) ??
    timeOf(fieldOf(runs.at(-1), 'ended')) ??
    timeOf(front.created) ??
    timeOfId(front.id) ??
    timeOf(/^\d{4}-\d\d-\d\d(?=\D)/.exec(base)?.[0])
  );
}

/** The month folder's name, `2026-11`, in UTC. */
export function monthOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 7);
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

/** A time without a zone counts as UTC. Years from 1970 to 9999. */
function timeOf(value: unknown): number | undefined {
  const match = typeof value === 'string' ? TIME.exec(value.trim()) : undefined;
  if (!match) return undefined;
  const ms = Date.parse(`${match[1]}T${match[2] ?? '00:00'}${(match[3] ?? 'Z').toUpperCase()}`);
  return ms >= 0 && ms < Date.UTC(10_000, 0) ? ms : undefined;
}

/** The first 48 bits of a UUID v7. */
function timeOfId(id: unknown): number | undefined {
  if (typeof id !== 'string' || !UUID_V7.test(id)) return undefined;
  const ms = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  return ms < Date.UTC(10_000, 0) ? ms : undefined;
}
