import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { TestProject } from 'vitest/node';

/** Empties the file that `print()` appends to, once before the run. */
export default function setup(project: TestProject): void {
  const file = project.config.env['MAILBOXD_TEST_SUMMARY'];
  if (file === undefined) throw new Error('found no MAILBOXD_TEST_SUMMARY; vitest.config.ts sets it');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, '');
}
