import { StringDecoder } from 'node:string_decoder';
import type { RunStats } from '../../core/message.js';
import type { RunHooks } from '../port.js';
import { createLineReader } from '../process/index.js';
import { keepHead, keepTail } from './bounded-text.js';
import { parseEventLine, type SaidEvent } from './event-line.js';

/** Most of an answer that is kept for the result, in characters; events carry all of it. */
const RESULT_LIMIT = 4 * 1024 * 1024;
/** Longest JSON line, in bytes; a longer one is cut, and so kept raw. */
const LINE_LIMIT = 4 * 1024 * 1024;
const STDERR_TAIL = 2_000;

export interface Output {
  onStdout(chunk: Buffer): void;
  onStderr(chunk: Buffer): void;
  /** Reads what is still held back; gives what the program said of its cost. */
  finish(): RunStats;
  read(): { text: string; stderr: string; last: Extract<SaidEvent, { type: 'Result' | 'Error' }> | undefined };
}

/** Turns output into events as it comes, and keeps a bounded part of it for the end. */
export function readOutput(mode: 'text' | 'json', hooks: RunHooks): Output {
  const text = keepHead(RESULT_LIMIT);
  const stderr = keepTail(STDERR_TAIL);
  const decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') };
  const stats: RunStats = {};
  let last: Extract<SaidEvent, { type: 'Result' | 'Error' }> | undefined;
  let calls = 0;

  const raw = (type: 'stdout' | 'stderr', content: string): void =>
    hooks.onRaw(JSON.stringify({ type, text: content }));
  const tell = (content: string): void => {
    if (content === '') return;
    text.add(content);
    hooks.onEvent({ type: 'Progress', kind: 'text', content });
  };
  const takeText = (content: string): void => {
    if (content !== '') raw('stdout', content);
    tell(content);
  };
  const takeErrors = (content: string): void => {
    if (content !== '') raw('stderr', content);
    stderr.add(content);
  };
  const takeLine = (line: string, dropped: number): void => {
    const event = dropped > 0 ? undefined : parseEventLine(line, () => `call-${(calls += 1)}`);
    if (!event) {
      if (line.trim() !== '') raw('stdout', line);
      return;
    }
    hooks.onRaw(line);
    if (event.type === 'Start') {
      if (event.model !== undefined) stats.model = event.model;
    } else if (event.type === 'Result') {
      const { type: _, result: __, structured_output: ___, ...said } = event;
      Object.assign(stats, said);
      if (last?.type === 'Result') hooks.onEvent(last); // an earlier turn's; the last one is told at the end
      last = event;
    } else if (event.type === 'Error') last = event;
    else if (event.type === 'Progress' && event.kind === 'text') tell(event.content);
    else hooks.onEvent(event);
  };
  const lines = createLineReader({ limit: LINE_LIMIT, onLine: takeLine });

  return {
    onStdout: (chunk) => (mode === 'json' ? lines.push(chunk) : takeText(decoders.stdout.write(chunk))),
    onStderr: (chunk) => takeErrors(decoders.stderr.write(chunk)),
    finish: () => {
      lines.end();
      takeText(decoders.stdout.end());
      takeErrors(decoders.stderr.end());
      return stats;
    },
    read: () => ({ text: text.read(), stderr: stderr.read(), last }),
  };
}
