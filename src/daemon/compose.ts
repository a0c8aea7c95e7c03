/**
 * What a message file says after something happened to it. Pure: bytes and facts in, text out. The shell around it
 * (store/settle.ts) sees to it that the bytes are the newest and that the text replaces nothing else.
 */
import { MailboxError } from '../core/errors.js';
import type { Claim, ResultRecord, RunRecord } from '../core/message.js';
import { claimToken, refusalToken } from '../core/token.js';
import { escapeMarkers, refusedMarker } from '../format/markers.js';
import { assembleMessage, lastRunNumber, parseMessage, type ParsedMessage } from '../format/message.js';
import { renderResult, renderRunStart } from '../format/transcript.js';
import { MAX_YAML_BYTES, renderFlow } from '../format/yaml.js';

/** Run records a message keeps; older ones go, their text stays. */
const MAX_RUNS = 20;
/** A front matter up to this size, in bytes, has room for a claim, one run's record and its result. */
const ROOMY = MAX_YAML_BYTES - 12 * 1024;

/** What one run has put into its file so far. */
export interface RunText {
  n: number;
  token: string;
  /** Everything before the run: own text and what earlier runs recorded, as it was when it was claimed. */
  base: { ownText: string; recorded: string };
  /** What was rendered since the run's opening, with `\n` line ends. */
  rendered: string;
  /** Where in `rendered` the last block of text begins, if the run ended with text. */
  trailingText: number | undefined;
  eol: '\n' | '\r\n';
  /** Whether it called a tool, which may have had an effect. */
  usedTools: boolean;
}

/** A claimed message: the claim in its front matter, and the opening of the run below what it had. */
export function composeClaim(
  message: ParsedMessage,
  id: string,
  claim: Claim,
  n: number,
  changes: Record<string, unknown>,
): string {
  const opening = renderRunStart(n, claim.token, message.split.eol);
  const recorded = message.recorded + opening;
  const text = assembleMessage(
    { split: message.split, ownText: message.ownText, recorded },
    { ...changes, id, seal: claim.token, epoch: claim.epoch, claim, retry_at: undefined, result: undefined },
  );
  mustLeaveRoom(message, text.slice(0, text.length - opening.length));
  return text;
}

/**
 * The recorded part of the file when a run is over: what stood there before, the run, and `ending`. When a person
 * wrote below the run meanwhile, that is kept below it; when they changed the run's own lines, their version is kept
 * as a quotation.
 */
export function composeRecorded(current: ParsedMessage, run: RunText, rendered: string, ending: string): string {
  const opening = run.base.recorded + renderRunStart(run.n, run.token, run.eol);
  const ours = opening + toEol(run.rendered, run.eol);
  const gap = rendered === '' || rendered.endsWith('\n\n') ? '' : rendered.endsWith('\n') ? run.eol : run.eol + run.eol;
  const whole = opening + toEol(rendered, run.eol) + gap + ending;
  if (ours.startsWith(current.recorded)) return whole;
  if (current.recorded.startsWith(ours)) return withNote(whole, current.recorded.slice(ours.length), run.eol);
  const theirs = current.recorded.startsWith(opening) ? current.recorded.slice(opening.length) : current.recorded;
  return withNote(
    whole,
    ['Edited while it ran:', '', ...theirs.trim().split(/\r?\n/)].map((line) => `> ${line}`).join(run.eol),
    run.eol,
  );
}

/** Rendered text with the line ends of its file. */
export function toEol(text: string, eol: '\n' | '\r\n'): string {
  return eol === '\n' ? text : text.replace(/\r?\n/g, eol);
}

function withNote(text: string, note: string, eol: string): string {
  const trimmed = note.replace(/^(\r?\n)+/, '');
  return trimmed === '' ? text : `${text}${eol}${trimmed}${trimmed.endsWith('\n') ? '' : eol}`;
}

/** The run's text without the closing block that is the answer itself: that one stands under `## Result`. */
export function withoutAnswer(run: RunText, answer: string): string {
  if (run.trailingText === undefined) return run.rendered;
  const tail = run.rendered.slice(run.trailingText);
  return tail.replace(/\s+/g, ' ').trim() === answer.replace(/\s+/g, ' ').trim()
    ? run.rendered.slice(0, run.trailingText)
    : run.rendered;
}

/** The runs with one more, as many of the last ones as the front matter has room for. */
export function addRun({ front, split }: Pick<ParsedMessage, 'front' | 'split'>, record: RunRecord): RunRecord[] {
  const before = Array.isArray(front.runs) ? front.runs : [];
  const runs = [...before, record].slice(-MAX_RUNS);
  const bytes = Buffer.byteLength(split.block ?? '');
  if (bytes < ROOMY / 2) return runs;
  const rest = bytes - Buffer.byteLength(renderFlow(before));
  while (runs.length > 1 && rest + Buffer.byteLength(renderFlow(runs)) > ROOMY) runs.shift();
  return runs;
}

/** Throws `invalid` for a front matter that leaves no room for the end of the run. */
function mustLeaveRoom(message: ParsedMessage, text: string): void {
  const bytes = Buffer.byteLength(text) - Buffer.byteLength(message.split.body);
  const limit = message.front.runs === undefined ? ROOMY : ROOMY + 4 * 1024;
  if (bytes <= limit || bytes < ROOMY) return;
  throw new MailboxError('invalid', `front matter: found ${bytes} bytes with its claim, expected at most ${limit}`, {
    hint: 'make it shorter: long texts belong below it, data into attachments',
  });
}

export interface Ending {
  record: RunRecord;
  /** Undefined when the message goes back to the inbox. */
  result: ResultRecord | undefined;
  /** What stands under `## Result`; undefined for no result section. */
  answer: string | undefined;
  /** A line below the run's text (`_interrupted …_`). */
  note: string | undefined;
  changes: Record<string, unknown>;
}

/** The whole file when a run has ended. Throws `invalid` when a person's edit made the front matter unreadable. */
export function composeEnd(bytes: Uint8Array, key: string, run: RunText, ending: Ending): string {
  const current = parseMessage(bytes, key);
  const rendered = ending.answer === undefined ? run.rendered : withoutAnswer(run, ending.answer);
  const note = ending.note === undefined ? '' : `${escapeMarkers(`_${toEol(ending.note, run.eol)}_`)}${run.eol}`;
  const section =
    ending.answer === undefined
      ? ''
      : (note === '' ? '' : run.eol) + renderResult(run.n, run.token, ending.answer, run.eol);
  return assembleMessage(
    {
      split: current.split,
      ownText: current.ownText,
      recorded: composeRecorded(current, run, rendered, note + section),
    },
    { ...ending.changes, claim: undefined, runs: addRun(current, ending.record), result: ending.result },
  );
}

/** The file as it was before the run, for a hand-back that leaves no trace. Undefined when a person changed it meanwhile. */
export function composeUntouched(bytes: Uint8Array, key: string, run: RunText): string | undefined {
  const current = parseMessage(bytes, key);
  const ours = run.base.recorded + renderRunStart(run.n, run.token, run.eol) + toEol(run.rendered, run.eol);
  if (!ours.startsWith(current.recorded)) return undefined;
  return assembleMessage(
    { split: current.split, ownText: current.ownText, recorded: run.base.recorded },
    { claim: undefined },
  );
}

/** The record of a run whose worker died with it, made from the claim it left. */
export function interruptedRun(message: ParsedMessage, now: number): RunRecord {
  const { claim } = message.front;
  return {
    n: Math.max(1, lastRunNumber(message)),
    epoch: claim?.epoch ?? 0,
    token: claim?.token ?? '',
    worker: claim?.worker ?? 'unknown',
    runner: claim?.runner ?? 'unknown',
    ...(claim?.session !== undefined && { session: claim.session }),
    started: claim?.at ?? new Date(now).toISOString(),
    outcome: 'interrupted',
    reason: 'interrupted: its worker stopped without warning',
  };
}

/** The recorded part, with a line below it that says that the run was cut off. */
export function noteInterrupted({ recorded, split }: ParsedMessage): string {
  const { eol } = split;
  const gap = recorded.endsWith(eol + eol) || recorded === '' ? '' : recorded.endsWith('\n') ? eol : eol + eol;
  return `${recorded}${gap}_interrupted: its worker stopped without warning_${eol}`;
}

/** A message with the claim of a dead worker, with that run closed, and the fields that this changes. */
export function closeInterrupted(
  message: ParsedMessage,
  now: number,
): { message: ParsedMessage; changes: Record<string, unknown> } {
  const changes = {
    runs: addRun(message, interruptedRun(message, now)),
    crashes: (message.front.crashes ?? 0) + 1,
  };
  const { claim: _, ...front } = message.front;
  return { message: { ...message, front: { ...front, ...changes }, recorded: noteInterrupted(message) }, changes };
}

/**
 * A message taken over from a worker of another host, with a record of the run that was cut off there. Of its output,
 * this file has nothing.
 */
export function noteTakenOver(
  message: ParsedMessage,
  key: string,
  id: string,
  worker: string,
  now: number,
): { message: ParsedMessage; changes: Record<string, unknown> } {
  const { front } = message;
  const epoch = front.epoch ?? 0;
  const record: RunRecord = {
    n: Math.max(lastRunNumber(message), front.runs?.at(-1)?.n ?? 0) + 1,
    epoch,
    token: claimToken(key, id, epoch),
    worker,
    runner: 'unknown',
    started: new Date(now).toISOString(),
    outcome: 'interrupted',
    reason: 'interrupted: its worker was not heard of for as long as its lease',
  };
  const changes = { runs: addRun(message, record) };
  return { message: { ...message, front: { ...front, ...changes } }, changes };
}

/** The block that is appended to a file that cannot be used; nothing above it is changed. */
export function renderRefusal(
  key: string,
  nonce: string,
  reason: { message: string; hint?: string | undefined },
): string {
  const hint = reason.hint ? `\n\n${asSentence(reason.hint)}` : '';
  const next = '\n\nMend it above this line and move the file back to `inbox/`, or run `mailboxd retry` on it.';
  return `\n${refusedMarker(refusalToken(key, nonce))}\n## Refused\n\n${closed(reason.message)}${hint}${next}\n`;
}

/** A path or a name stays as it is written; a plain word begins the sentence. */
function asSentence(text: string): string {
  const isWord = /^[a-z]+(?=[ ,;:]|$)/.test(text);
  return closed(isWord ? `${text[0]?.toUpperCase()}${text.slice(1)}` : text);
}

function closed(text: string): string {
  return /[.?!]$/.test(text) ? text : `${text.replace(/:$/, '')}.`;
}
