import { appendFileSync } from 'node:fs';

/**
 * Says one line at the end of the run, whatever the reporters hide: counts, histograms, what could not be run here.
 * Everything else that a passing test prints stays hidden.
 */
export function print(line: string): void {
  const file = process.env['MAILBOXD_TEST_SUMMARY'];
  if (file === undefined) throw new Error('found no MAILBOXD_TEST_SUMMARY; vitest.config.ts sets it');
  appendFileSync(file, `${line}\n`);
}
