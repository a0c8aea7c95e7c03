/**
 * The events of a message's runs, read from `.mailboxd/runs/<id>/<epoch>.ndjson` while a daemon, whichever process it
 * is, writes them. What a runner records is its own protocol; what comes out are the five kinds of event.
 */
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { createTranslator } from '../../runners/claude/events.js';
import type { RunEvent } from '../../runners/port.js';
import { hostDir } from '../../store/paths.js';

const KINDS = new Set(['Start', 'Progress', 'ToolUse', 'Result', 'Error']);

export interface RecordedEvents {
  /** What was written since the last call. */
  read(): RunEvent[];
}

interface RunFile {
  path: string;
  offset: number;
  rest: string;
  decoder: StringDecoder;
  take(line: string): RunEvent[];
}

/** `id` must be a message id. */
export function followRecord(root: string, id: string): RecordedEvents {
  const dir = join(hostDir(root), 'runs', id);
  const records = new Map<string, RunFile>();
  return {
    read() {
      for (const name of epochsIn(dir)) {
        if (records.has(name)) continue;
        records.set(name, {
          path: join(dir, name),
          offset: 0,
          rest: '',
          decoder: new StringDecoder('utf8'),
          take: createTaker(),
        });
      }
      return [...records.values()].flatMap((record) => {
        const lines = (record.rest + readOn(record)).split('\n');
        record.rest = lines.pop() ?? '';
        return lines.flatMap((line) => record.take(line));
      });
    },
  };
}

/** Lines of the Claude CLI, of the command runner and of the simulator are told apart by their shape. */
export function createTaker(): (line: string) => RunEvent[] {
  const translator = createTranslator();
  return (line) => {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      return [];
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
    const fields = value as Record<string, unknown>;
    const { type, text } = fields;
    if (typeof type === 'string' && KINDS.has(type)) return [fields as unknown as RunEvent];
    if (type === 'stdout') return typeof text === 'string' ? [{ type: 'Progress', kind: 'text', content: text }] : [];
    return translator.take(fields);
  };
}

function epochsIn(dir: string): string[] {
  try {
    const names = readdirSync(dir).filter((name) => /^\d+\.ndjson$/.test(name));
    return names.toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
  } catch {
    return [];
  }
}

function readOn(record: RunFile): string {
  let fd: number;
  try {
    fd = openSync(record.path, 'r');
  } catch {
    return '';
  }
  try {
    const chunk = Buffer.allocUnsafe(64 * 1024);
    let text = '';
    for (;;) {
      const count = readSync(fd, chunk, 0, chunk.length, record.offset);
      if (count === 0) return text;
      record.offset += count;
      text += record.decoder.write(chunk.subarray(0, count));
    }
  } finally {
    closeSync(fd);
  }
}
