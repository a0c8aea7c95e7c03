import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MailboxError } from '../../src/core/errors.js';
import { checkPlace, isCopied } from '../../src/git/identity.js';
import { testdir } from '../support/testdir.js';

function root(): { top: string; dir: string } {
  const top = testdir({ 'a/.mailboxd/config.yaml': 'host: "laptop-1"\n' });
  return { top, dir: join(top, 'a') };
}
const noted = (dir: string): string => readFileSync(join(dir, '.mailboxd/git/place.json'), 'utf8');
const faultOf = (dir: string, host = 'laptop-1'): MailboxError => {
  try {
    checkPlace(dir, host);
  } catch (error) {
    if (error instanceof MailboxError) return error;
  }
  throw new Error('it was let through');
};

test('a root that stays, or is moved, is let through', () => {
  const { top, dir } = root();
  checkPlace(dir, 'laptop-1');
  const first = noted(dir);
  checkPlace(dir, 'laptop-1');
  expect(noted(dir)).toBe(first);
  const moved = join(top, 'moved');
  renameSync(dir, moved);
  checkPlace(moved, 'laptop-1');
  expect(JSON.parse(noted(moved))).toMatchObject({ path: moved });
  // Over to another disk: a copy whose original is gone.
  cpSync(moved, dir, { recursive: true });
  rmSync(moved, { recursive: true });
  checkPlace(dir, 'laptop-1');
  expect(JSON.parse(noted(dir))).toMatchObject({ path: dir });
});

test('a copy is refused while its original is there, and is no copy under an id of its own', () => {
  const { top, dir } = root();
  checkPlace(dir, 'laptop-1');
  const copy = join(top, 'copy');
  cpSync(dir, copy, { recursive: true });
  expect(isCopied(copy)).toBe(true);
  const fault = faultOf(copy);
  expect(fault).toMatchObject({ code: 'conflict', hint: expect.stringContaining('mailboxd init --new-host') });
  expect(fault.message).toContain(dir);
  checkPlace(dir, 'laptop-1');
  checkPlace(copy, 'laptop-2');
  checkPlace(copy, 'laptop-2');
  expect(isCopied(copy)).toBe(false);
});

test('a copy that took the place of its original is found at the original', () => {
  const { top, dir } = root();
  checkPlace(dir, 'laptop-1');
  const old = join(top, 'old');
  renameSync(dir, old);
  cpSync(old, dir, { recursive: true });
  checkPlace(dir, 'laptop-1');
  expect(isCopied(dir)).toBe(false);
  // The original's note names its old path, where another folder is now.
  expect(isCopied(old)).toBe(true);
});

test('a root that was noted on another machine is refused', () => {
  const { dir } = root();
  checkPlace(dir, 'laptop-1');
  const path = join(dir, '.mailboxd/git/place.json');
  const place = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>;
  // Where this machine has no id of its own, nothing can be told by it.
  if (place['machine'] === undefined) return expect(isCopied(dir)).toBe(false);
  writeFileSync(path, JSON.stringify({ ...place, machine: 'f'.repeat(32) }));
  expect(faultOf(dir).message).toContain('another machine');
});

test('a note that a crash cut short is written anew', () => {
  const { dir } = root();
  checkPlace(dir, 'laptop-1');
  writeFileSync(join(dir, '.mailboxd/git/place.json'), '{"host": "lap');
  checkPlace(dir, 'laptop-1');
  expect(JSON.parse(noted(dir))).toMatchObject({ path: dir });
});
