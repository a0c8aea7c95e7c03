import { readFileSync } from 'node:fs';
import type { Reporter } from 'vitest/node';

/** Prints what the suites said through `print()`, after everything else. */
export class SummaryReporter implements Reporter {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  onTestRunEnd(): void {
    const text = readFileSync(this.#file, 'utf8');
    if (text !== '') process.stdout.write(`\n${text}`);
  }
}
