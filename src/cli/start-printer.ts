/**
 * What a daemon does, told to a person: a line for each event, and the output of running tasks below it. One task's
 * output streams as it comes; that of several is told line by line, each with its task's name before it.
 */
import { formatDuration } from '../core/duration.js';
import type { Place } from '../core/message.js';
import type { DaemonEvent } from '../daemon/worker.js';
import { type Style, safeLine, safeText } from './terminal-text.js';

export interface StartPrinter {
  tell(event: DaemonEvent): void;
}

export interface PrinterContext {
  write(text: string): void;
  paint(style: Style, text: string): string;
  /** Width of the terminal, where long lines are broken between words; undefined for a pipe. */
  columns?: number;
  /** It is serving, and nothing was told yet. */
  onStarted?(): void;
  /** Hours, minutes and seconds, for the beginning of a line. */
  clock(): string;
}

interface Speaker {
  /** `[3]`: the third task since the start. */
  label: string;
  /** The part of a line that has no end yet. */
  rest: string;
}

const INDENT = '         │ ';

export function createStartPrinter({ write, paint, clock, columns, onStarted }: PrinterContext): StartPrinter {
  const speakers = new Map<string, Speaker>();
  /** The task whose line stands open on the terminal. */
  let open: string | undefined;
  /** Chats that were told: a bell may tell of one again. */
  const chats = new Set<string>();
  let count = 0;
  /** Characters in the open line. */
  let column = 0;

  const closeLine = (): void => {
    if (open !== undefined) write('\n');
    open = undefined;
  };
  const line = (sign: string, text: string): void => {
    closeLine();
    write(`${paint('dim', clock())} ${sign} ${text}\n`);
  };
  const more = (text: string): void => write(`${paint('dim', INDENT.replace('│', ' '))}${text}\n`);

  /** The piece with line breaks between words where the terminal would break it anywhere. */
  const fill = (piece: string, lead: string, indent: number): string => {
    if (columns === undefined) return piece;
    const room = Math.max(20, columns - indent - 1);
    return (piece.match(/\s*\S+|\s+$/g) ?? [])
      .map((word) => {
        const length = [...word].length;
        if (column > 0 && column + length > room) {
          column = [...word.trimStart()].length;
          return `\n${lead}${word.trimStart()}`;
        }
        column += length;
        return word;
      })
      .join('');
  };
  const output = (id: string, text: string): void => {
    const speaker = speakers.get(id);
    if (!speaker) return;
    const isAlone = speakers.size === 1;
    const lead = paint('dim', isAlone ? INDENT : `${INDENT}${speaker.label} `);
    if (open !== undefined && open !== id) closeLine();
    const lines = (speaker.rest + safeText(text)).split('\n');
    speaker.rest = '';
    lines.forEach((piece, index) => {
      const isLast = index === lines.length - 1;
      if (piece === '' && (isLast || !isAlone) && open !== id) return;
      if (piece === '' && isLast) return;
      if (isLast && !isAlone) {
        speaker.rest = piece;
        return;
      }
      if (open !== id) column = 0;
      write(
        `${open === id ? '' : lead}${fill(piece, lead, isAlone ? INDENT.length : INDENT.length + speaker.label.length + 1)}${isLast ? '' : '\n'}`,
      );
      open = isLast ? id : undefined;
    });
  };
  /** Its label, for the line that tells the end. */
  const endOutput = (id: string): string => {
    const speaker = speakers.get(id);
    if (speaker && speaker.rest !== '') {
      closeLine();
      write(`${paint('dim', `${INDENT}${speaker.label} `)}${speaker.rest}\n`);
    }
    speakers.delete(id);
    if (open === id) closeLine();
    return speaker ? `${speaker.label} ` : '';
  };

  return {
    tell(event) {
      switch (event.type) {
        case 'started':
          return onStarted?.();
        case 'claimed': {
          const { place, id } = event;
          const again = event.resumed ? ', resumed' : event.run > 1 ? `, run ${event.run}` : '';
          count += 1;
          const label = `[${count}]`;
          line(
            '▸',
            `${label} ${paint('bold', safeLine(event.subject) || place.name)} ${paint('dim', `for ${place.mailbox}, from ${safeLine(event.from)}, by ${event.runner}${again}`)}`,
          );
          speakers.set(id, { label, rest: '' });
          return;
        }
        case 'output':
          return output(event.id, event.text);
        case 'finished': {
          const label = endOutput(event.id);
          const figures = [
            event.duration_ms === undefined ? '' : `in ${formatDuration(event.duration_ms)}`,
            event.cost_usd ? `$${event.cost_usd.toFixed(4)}` : '',
          ];
          const isDone = event.outcome === 'complete' || event.outcome === 'acknowledged';
          const sign = isDone ? paint('green', '✓') : paint('red', '✗');
          line(sign, label + [event.outcome, ...figures].filter((part) => part !== '').join(', '));
          if (event.reason !== undefined) more(safeLine(event.reason));
          more(`read it: ${pathOf(event.place)}`);
          return;
        }
        case 'handed back':
          line(
            paint('yellow', '↩'),
            `${endOutput(event.id)}back in ${pathOf(event.place)}${event.again === undefined ? '' : `, next try ${event.again}`}`,
          );
          if (event.reason !== '') more(safeLine(event.reason));
          return;
        case 'refused':
          line(paint('red', '✗'), `refused: ${safeLine(event.reason)}`);
          more(`read why: ${pathOf(event.place)}`);
          return;
        case 'chat':
          if (chats.has(pathOf(event.place))) return;
          chats.add(pathOf(event.place));
          line('✉', `a chat from ${safeLine(event.from)} waits: ${pathOf(event.place)}`);
          return;
        case 'parked':
          line(
            paint('yellow', '‖'),
            `${event.parked.mailbox} is parked (${event.parked.reason}): ${safeLine(event.parked.message)}`,
          );
          more(`its tasks wait; next try ${event.parked.next_try}`);
          return;
        case 'unparked':
          return line(paint('green', '▸'), `${event.mailbox} works again`);
        case 'held':
          line(paint('yellow', '‖'), `${event.mailbox}/inbox/${safeLine(event.name)} waits: ${safeLine(event.reason)}`);
          return more(`until ${event.until}`);
        case 'recovered':
          return line('↻', `${pathOf(event.place)}: ${safeLine(event.what)}`);
        case 'published':
          return line(paint('dim', '↑'), paint('dim', `${safeLine(event.title)} (${event.commit.slice(0, 8)})`));
        case 'arrived':
          return line(
            paint('dim', '↓'),
            paint('dim', `${event.files} ${event.files === 1 ? 'file' : 'files'} from main`),
          );
        case 'taken over':
          return line('↻', `${safeLine(event.path)} is taken over from ${safeLine(event.from)}`);
        case 'lost':
          line(
            paint('yellow', '!'),
            `${endOutput(event.id)}${safeLine(event.path)} is lost: ${safeLine(event.reason)}`,
          );
          if (event.kept !== undefined) more(`what was written is kept in ${safeLine(event.kept)}`);
          return;
        case 'trouble':
          line(paint('yellow', '!'), safeLine(event.message));
          if (event.hint !== undefined) more(safeLine(event.hint));
          return;
        case 'draining':
          return line(
            '…',
            `stopping: waiting for ${event.running} running ${event.running === 1 ? 'task' : 'tasks'}; once more stops at once`,
          );
      }
    },
  };
}

function pathOf(place: Place): string {
  return safeLine(`mailboxes/${place.mailbox}/${place.state}/${place.name}`);
}
