/** The raw event stream of one run, `.mailboxd/runs/<message id>/<epoch>.ndjson`: what the runner said, a line each. */
import { appendFileSync } from 'node:fs';
import { scrubJson } from '../core/scrub.js';
import { writeBeside } from '../store/durable.js';
import { runRecordPath } from '../store/paths.js';

export interface RunRecordWriter {
  add(line: string): void;
  /** Writes what is buffered, a few lines; never throws: the first failure is kept in `problem`. */
  flush(): void;
  readonly problem: unknown;
}

export function createRunRecord(root: string, id: string, epoch: number): RunRecordWriter {
  const path = runRecordPath(root, id, epoch);
  let buffered: string[] = [];
  const writer = {
    problem: undefined as unknown,
    add: (line: string) => void buffered.push(line),
    flush() {
      if (buffered.length === 0) return;
      const text = `${buffered.map(scrubJson).join('\n')}\n`;
      buffered = [];
      try {
        writeBeside(path, text, appendFileSync);
      } catch (error) {
        writer.problem ??= error;
      }
    },
  };
  return writer;
}
