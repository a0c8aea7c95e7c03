/** The raw event stream of one run, `.mailboxd/runs/<message id>/<epoch>.ndjson`: what the runner said, a line each. */
import { appendFile, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { scrubJson } from '../core/scrub.js';
import { runRecordPath } from '../store/paths.js';

export interface RunRecordWriter {
  add(line: string): void;
  /** Writes what is buffered; never throws: the first failure is kept in `problem`. */
  flush(): Promise<void>;
  readonly problem: unknown;
}

export function createRunRecord(root: string, id: string, epoch: number): RunRecordWriter {
  const path = runRecordPath(root, id, epoch);
  let buffered: string[] = [];
  let writing: Promise<void> = Promise.resolve();
  let made = false;
  const writer = {
    problem: undefined as unknown,
    add: (line: string) => void buffered.push(line),
    flush() {
      if (buffered.length === 0) return writing;
      const text = `${buffered.map(scrubJson).join('\n')}\n`;
      buffered = [];
      writing = writing
        .then(async () => {
          if (!made) await mkdir(dirname(path), { recursive: true });
          made = true;
          await appendFile(path, text);
        })
        .catch((error: unknown) => {
          writer.problem ??= error;
        });
      return writing;
    },
  };
  return writer;
}
