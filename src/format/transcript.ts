/**
 * Renders a run as markdown, event by event, in the order it happens, so that each piece can be appended at once.
 * Text is kept as the runner wrote it; tool calls are folded to a few quoted lines; nothing that streams through can
 * form a marker line.
 */
import { escapeMarkers, resultMarker, runMarker } from './markers.js';

const FOLD = 160;
const MARKER_START = '<!-- r';

function fold(text: string, max = FOLD): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= max ? line : `${line.slice(0, max - 1)}…`;
}

function inlineCode(text: string): string {
  const fence = text.includes('`') ? '``' : '`';
  return text.includes('``') ? text.replaceAll('`', "'") : `${fence}${text}${fence}`;
}

function describeArgs(args: unknown): string {
  if (args === null || args === undefined) return '';
  if (typeof args !== 'object') return fold(typeof args === 'string' ? args : (JSON.stringify(args) ?? ''));
  const record = args as Record<string, unknown>;
  for (const key of ['command', 'file_path', 'path', 'pattern', 'url', 'query', 'prompt', 'description']) {
    const value = record[key];
    if (typeof value === 'string') return fold(value);
  }
  return fold(JSON.stringify(args));
}

export interface TranscriptWriter {
  text(content: string): string;
  toolCall(tool: string, args: unknown): string;
  toolResult(output: string, isError: boolean): string;
  status(content: string): string;
  /** A message that was put into the running task. */
  said(from: string, content: string): string;
  /** The turn ended: text that follows is another answer, and begins a block of its own. */
  endTurn(): void;
  /** Text that was held back because a marker could have begun there. */
  flush(): string;
  /** How many characters had been rendered when the trailing block of text began; undefined when the last block is no text. */
  trailingText(): number | undefined;
}

/** The opening of run `n`, to be appended before anything else of it. */
export function renderRunStart(n: number, token: string, eol: string): string {
  return `${eol}${runMarker(n, token)}${eol}## Run ${n}${eol}${eol}`;
}

/** The end of a run: a line of figures and the result section. */
export function renderResult(n: number, token: string, answer: string, eol: string): string {
  const body = escapeMarkers(answer.trim());
  return `${resultMarker(n, token)}${eol}## Result${eol}${eol}${body.replace(/\r?\n/g, eol)}${eol}`;
}

/** One writer renders one run. Every method returns the markdown to append, which may be empty. */
export function createTranscript(): TranscriptWriter {
  let held = ''; // the beginning of a line that may still become a marker
  let column = 0; // 0 at the start of a line
  let block: 'none' | 'text' | 'ended text' | 'quote' = 'none';
  let rendered = 0;
  let textFrom = 0;

  const emit = (out: string): string => {
    if (out !== '') column = out.endsWith('\n') ? 0 : column + out.length;
    rendered += out.length;
    return out;
  };
  const flush = (): string => {
    const out = escapeMarkers(held);
    held = '';
    return emit(out);
  };
  const open = (kind: 'text' | 'quote'): string => {
    if (block === kind && kind === 'text') return '';
    const rest = flush();
    const gap = block === 'none' ? '' : block === kind ? (column === 0 ? '' : '\n') : column === 0 ? '\n' : '\n\n';
    const out = rest + emit(gap);
    if (kind === 'text') textFrom = rendered;
    block = kind;
    return out;
  };
  const quote = (lines: string[]): string =>
    open('quote') + emit(`${lines.map((line) => `> ${escapeMarkers(line)}`).join('\n')}\n`);

  return {
    flush,
    trailingText: () => (block === 'text' || block === 'ended text' ? textFrom : undefined),
    endTurn() {
      if (block === 'text') block = 'ended text';
    },
    text(content) {
      if (content === '') return '';
      let out = open('text');
      let rest = held + content;
      held = '';
      // Complete lines go out whole; of the last one only what can no longer turn into a marker.
      const lastBreak = rest.lastIndexOf('\n');
      if (lastBreak !== -1) {
        const whole = rest.slice(0, lastBreak + 1);
        out += emit(
          column === 0
            ? escapeMarkers(whole)
            : whole.slice(0, whole.indexOf('\n') + 1) + escapeMarkers(whole.slice(whole.indexOf('\n') + 1)),
        );
        rest = rest.slice(lastBreak + 1);
      }
      if (column === 0 && (MARKER_START.startsWith(rest) || rest.startsWith(MARKER_START))) held = rest;
      else out += emit(rest);
      return out;
    },
    toolCall: (tool, args) => {
      const what = describeArgs(args);
      return quote([what ? `**${fold(tool, 60)}** ${inlineCode(what)}` : `**${fold(tool, 60)}**`]);
    },
    toolResult: (output, isError) => {
      const lines = output.split('\n').filter((line) => line.trim() !== '');
      const more = lines.length > 1 ? ` (${lines.length} lines)` : '';
      return quote([`${isError ? '✗' : '→'} ${lines[0] ? inlineCode(fold(lines[0], 120)) : 'no output'}${more}`]);
    },
    status: (content) => quote([`_${fold(content)}_`]),
    said: (from, content) =>
      quote([
        `**${fold(from, 64)}:** ${content.trim().split(/\r?\n/)[0] ?? ''}`,
        ...content.trim().split(/\r?\n/).slice(1),
      ]),
  };
}
