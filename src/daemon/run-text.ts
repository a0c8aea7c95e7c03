/** Turns the events of one run into appended markdown, a few times a second, and remembers what was appended. */
import type { Place } from '../core/message.js';
import { MailboxError } from '../core/errors.js';
import { scrub } from '../core/scrub.js';
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
  let pending = '';
  let timer: NodeJS.Timeout | undefined;
  let isFull = false;

  const render = (piece: string): void => {
    if (piece === '' || isFull) return;
    text.rendered += piece;
    text.trailingText = transcript.trailingText();
    pending += piece;
    if (text.rendered.length > limit) {
      isFull = true;
      hooks.onTooLarge();
    }
    timer ??= setTimeout(writer.flush, GATHER);
  };
  const writer: RunWriter = {
    text,
    event(event) {
      if (event.type === 'Progress' && event.kind === 'text') render(transcript.text(scrub(event.content)));
      else if (event.type === 'Progress' && event.kind === 'status') render(transcript.status(scrub(event.content)));
      else if (event.type === 'ToolUse' && event.phase === 'call') render(transcript.toolCall(event.tool, event.args));
      else if (event.type === 'ToolUse')
        render(transcript.toolResult(scrub(event.output ?? ''), event.is_error ?? false));
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
        hooks.onAppend(piece);
      } catch (error) {
        // The disk may have room again at the next piece; the end of the run writes all of it in any case.
        if (error instanceof MailboxError) hooks.onTrouble(error);
        else throw error;
      }
    },
    close() {
      clearTimeout(timer);
      timer = undefined;
      const rest = transcript.flush();
      text.rendered += rest;
      text.trailingText = transcript.trailingText();
    },
  };
  return writer;
}
