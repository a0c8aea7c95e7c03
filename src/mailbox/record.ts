/** A message file's head as the catalog keeps it. Lenient: whatever is in the folder gets a record. */
import type { CatalogRecord } from '../catalog/record.js';
import { MESSAGE_TYPES, PRIORITIES, type FrontMatter, type Place, type RunRecord } from '../core/message.js';
import { isMessageId } from '../core/names.js';
import { readFields, splitFrontMatter } from '../format/front-matter.js';
import { findMarkers } from '../format/markers.js';

const DECODER = new TextDecoder('utf-8');

export interface FileTimes {
  size: number;
  mtimeMs: number;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function oneOf<T extends string>(value: unknown, all: readonly T[]): T | undefined {
  return all.find((item) => item === value);
}

function isTime(value: string | undefined): value is string {
  return value !== undefined && !Number.isNaN(Date.parse(value));
}

/** The first line that says something, without markdown signs, at most 80 characters. */
export function subjectOf(front: FrontMatter, body: string): string {
  const given = text(front.subject);
  if (given !== undefined) return given;
  const line =
    body
      .slice(0, 2_000)
      .split('\n')
      .find((candidate) => /[\p{L}\p{N}]/u.test(candidate)) ?? '';
  const plain = line.replace(/^[\s#>*\-\d.]+/, '').trim();
  return plain.length > 80 ? `${plain.slice(0, 79)}…` : plain;
}

function sum(runs: RunRecord[], of: (run: RunRecord) => number | undefined): number | undefined {
  const values = runs.map(of).filter((value): value is number => typeof value === 'number');
  return values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0);
}

/** The record of a message whose fields are known already. */
export function recordOf(place: Place, front: FrontMatter, body: string, times: FileTimes): CatalogRecord {
  const runs = (Array.isArray(front.runs) ? front.runs : []).filter((run) => run !== null && typeof run === 'object');
  const last = runs.at(-1);
  const result = front.result !== null && typeof front.result === 'object' ? front.result : undefined;
  const claim = front.claim !== null && typeof front.claim === 'object' ? front.claim : undefined;
  const created = text(front.created);
  const firstStart = text(runs[0]?.started) ?? text(claim?.at);
  const waited = isTime(created) && isTime(firstStart) ? Date.parse(firstStart) - Date.parse(created) : undefined;
  // One literal without a spread, which costs V8 a tenth: an index is rebuilt from 100,000 of these. What is undefined
  // is not written.
  return {
    mailbox: place.mailbox,
    state: place.state,
    name: place.name,
    id: isMessageId(text(front.id) ?? '') ? (text(front.id) ?? '') : '',
    type: oneOf(front.type, MESSAGE_TYPES) ?? 'task',
    from: text(front.from) ?? 'unknown',
    to: text(front.to) ?? place.mailbox,
    subject: subjectOf(front, body),
    priority: oneOf(front.priority, PRIORITIES) ?? 'normal',
    created: isTime(created) ? created : new Date(times.mtimeMs).toISOString(),
    updated: times.mtimeMs,
    size: times.size,
    mtime: times.mtimeMs,
    attempts: typeof front.attempts === 'number' ? front.attempts : 0,
    crashes: typeof front.crashes === 'number' ? front.crashes : 0,
    runs: runs.length,
    thread: text(front.thread),
    in_reply_to: text(front.in_reply_to),
    not_before: text(front.not_before),
    runner: text(claim?.runner) ?? text(result?.runner) ?? text(last?.runner),
    model: text(last?.model),
    session: text(claim?.session) ?? text(last?.session),
    cost_usd: sum(runs, (run) => run.cost_usd),
    turns: sum(runs, (run) => run.turns),
    tokens_in: sum(runs, (run) => run.tokens_in),
    tokens_out: sum(runs, (run) => run.tokens_out),
    waiting_ms: waited !== undefined && waited >= 0 ? waited : undefined,
    running_ms: sum(runs, (run) => run.duration_ms),
    outcome: result?.outcome,
    reason: text(result?.error?.code),
    fingerprint: text(front.fingerprint),
    copied_from: text(front.copied_from),
  };
}

/** The record of a file's first bytes, whatever they are. */
export function recordFromHead(place: Place, head: Buffer, times: FileTimes): CatalogRecord {
  const decoded = DECODER.decode(head);
  try {
    const split = splitFrontMatter(decoded);
    const front = (split.block === undefined ? {} : readFields(split.block)) as FrontMatter;
    const isFailed = place.state === 'failed' && front.result === undefined;
    const refusal = isFailed ? findMarkers(split.body, (token) => token.startsWith('r'))[0] : undefined;
    if (!refusal) return recordOf(place, front, split.body, times);
    const own = split.body.slice(0, refusal.start);
    const subject = subjectOf(front, own) || place.name.replace(/\.md$/, '');
    return { ...recordOf(place, front, own, times), subject, outcome: 'refused', reason: 'invalid' };
  } catch {
    return {
      ...recordOf(place, {}, '', times),
      subject: place.name.replace(/\.md$/, ''),
      outcome: 'refused',
      reason: 'invalid',
    };
  }
}
