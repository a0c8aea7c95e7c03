import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const made: string[] = [];

/**
 * A new directory outside the checkout that holds these files, path → content; a path that ends in `/` is an empty
 * directory. It is removed when the test file has ended, after the look for what was left running in it.
 */
export function testdir(files: Record<string, string | Uint8Array> = {}): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'mailboxd-test-')));
  made.push(dir);
  for (const [path, content] of Object.entries(files)) {
    const file = join(dir, path);
    if (path.endsWith('/')) {
      mkdirSync(file, { recursive: true });
    } else {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
  }
  return dir;
}

/** The directories this test file has made. */
export function testdirs(): readonly string[] {
  return made;
}

/** Removes them. `MAILBOXD_TEST_KEEP=1` keeps them, to look at. */
export function removeTestdirs(): void {
  const keep = process.env['MAILBOXD_TEST_KEEP'] === '1';
  for (const dir of made.splice(0)) {
    if (!keep) rmSync(dir, { recursive: true, force: true, maxRetries: 3, retryDelay: 50 });
  }
}
