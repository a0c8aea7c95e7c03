/** What a runner is asked, made from a message. Pure. */
import type { FrontMatter, RunRecord } from '../core/message.js';

/** How much of an earlier run's output a new attempt is shown, characters. */
const EARLIER = 4_000;

/** The person's own text, or the subject where there is none, with context and attachments named below it. */
export function buildPrompt(front: FrontMatter, ownText: string, attachments: string[]): string {
  const parts = [ownText.trim() === '' ? (front.subject ?? '') : ownText.trim()];
  if (front.context) parts.push(`Context:\n${front.context}`);
  if (attachments.length > 0) parts.push(`Attached files:\n${attachments.map((path) => `- ${path}`).join('\n')}`);
  return parts.join('\n\n');
}

function whatHappened(last: RunRecord): string {
  const when = last.ended ?? last.started;
  return last.outcome === 'interrupted'
    ? `You were interrupted: the program that ran you stopped without warning at about ${when}.`
    : `You were interrupted: the program that ran you was shut down at ${when}.`;
}

const CAUTION =
  'What you were doing at that moment may have taken effect or not. Before you repeat anything with an effect outside this conversation (files, commands, messages, requests), check whether it was done already.';

/** For a session that goes on: it knows its task, but not that it was cut off. */
export function buildResumePrompt(last: RunRecord): string {
  return `${whatHappened(last)} ${CAUTION} Then go on and finish the task.`;
}

/** For a new session that takes over an interrupted task. `earlier` is what the last run wrote. */
export function buildRestartPrompt(prompt: string, last: RunRecord, earlier: string): string {
  const shown = earlier.trim().length > EARLIER ? `…${earlier.trim().slice(-EARLIER)}` : earlier.trim();
  const output = shown === '' ? '' : `\n\nThe output of the interrupted run, for your information:\n\n${shown}`;
  return `${prompt}\n\n---\nThis task was begun before. ${whatHappened(last)} ${CAUTION}${output}`;
}
