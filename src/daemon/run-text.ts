/** Turns the events of one run into appended markdown, a few times a second, and remembers what was appended. */
import type { Place } from '../core/message.js';
import { MailboxError } from '../core/errors.js';
import { scrub, scrubValue } from '../core/scrub.js';
import { createScrubStream } from '../core/scrub-stream.js';
import { createWritableStream, writable } from '../core/writable.js';
import { createTranscript } from '../format/transcript.js';
import type { RunEvent } from '../runners/port.js';
import { appendExisting } from '../store/durable.js';
import { messagePath } from '../store/paths.js';
import { toEol, type RunText } from './compose.js';

/** How long an event may wait for others before it is written, ms. */
const GATHER = 50;

export interface RunWriter {
  readonly text: RunText;
  event(event: RunEvent): void;
  said(from: string, text: string): void;
  /** Writes what is pending now. */
  flush(): void;
  /** Ends the timer; what is pending stays in `text`. */
  close(): void;
}

export interface RunWriterHooks {
  /** Where the file is now. */
  place(): Place;
  /** Markdown that was just appended, with the event that began it. */
  onAppend(text: string): void;
  /** The file is not where it was. */
  onMissing(): void;
  onTooLarge(): void;
  onTrouble(fault: MailboxError): void;
}

export function createRunWriter(root: string, text: RunText, limit: number, hooks: RunWriterHooks): RunWriter {
  const transcript = createTranscript();
  const scrubbed = createScrubStream();
  const whole = createWritableStream();
  const answer = {
    push: (piece: string): string => scrubbed.push(whole.push(piece)),
    end: (): string => scrubbed.push(whole.end()) + scrubbed.end(),
  };
  let pending = '';
  /** Whether the trouble that holds up the appending was told. */
  let isTold = false;
  let size = 0;
  let timer: NodeJS.Timeout | undefined;
  let isFull = false;

  const render = (raw: string): void => {
    if (raw === '' || isFull) return;
    const piece = writable(raw);
    text.rendered += piece;
    text.trailingText = transcript.trailingText();
    pending += piece;
    size += Buffer.byteLength(piece);
    if (size > limit) {
      isFull = true;
      hooks.onTooLarge();
    }
    timer ??= setTimeout(writer.flush, GATHER);
  };
  /** What is said or happens beside the text does not end it: a word that waits for its end goes on waiting. */
  const endText = (): void => render(transcript.text(answer.end()));
  const writer: RunWriter = {
    text,
    event(event) {
      if (event.type === 'Progress' && event.kind === 'text') render(transcript.text(answer.push(event.content)));
      else if (event.type === 'Progress' && event.kind === 'status') render(transcript.status(scrub(event.content)));
      else if (event.type === 'ToolUse') {
        endText();
        text.usedTools = true;
        if (event.phase === 'call') render(transcript.toolCall(event.tool, scrubValue(event.args)));
        else render(transcript.toolResult(scrub(event.output ?? ''), event.is_error ?? false));
      } else if (event.type === 'Result') {
        endText();
        transcript.endTurn();
      }
    },
    said: (from, said) => render(transcript.said(from, said)),
    flush() {
      clearTimeout(timer);
      timer = undefined;
      if (pending === '') return;
      const piece = pending;
      try {
        if (!appendExisting(messagePath(root, hooks.place()), toEol(piece, text.eol))) return hooks.onMissing();
        pending = pending.slice(piece.length);
        isTold = false;
        hooks.onAppend(piece);
      } catch (error) {
        // The disk may have room again at the next piece; the end of the run writes all of it in any case.
        if (!(error instanceof MailboxError)) throw error;
        if (!isTold) hooks.onTrouble(error);
        isTold = true;
      }
    },
    close() {
      clearTimeout(timer);
      timer = undefined;
      text.rendered += transcript.text(answer.end()) + transcript.flush();
      text.trailingText = transcript.trailingText();
    },
  };
  return writer;
}
