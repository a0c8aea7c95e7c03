/** `mailboxd archive` as a person and as a program call it, and killed in the middle. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { finished, snapshot } from '../mailbox/archive-box.js';
import { waitUntil } from '../support/wait-until.js';
import { callsIn, makeRoot, runProgram, type Json } from './harness.js';

const OLD = {
  'mailboxes/server/complete/2026-08/a.md': finished('old-1', 400, 'one\n'),
  'mailboxes/server/failed/b.md': finished('old-2', 401, 'two\n'),
  'attachments/old-1/x.bin': 'x',
};

test('archive, list, restore: in words', async () => {
  const { dir, mb } = await makeRoot(OLD);
  const before = snapshot(dir);
  expect(await mb('archive')).toMatchObject({ code: 64, err: expect.stringContaining('--older-than 90d') });
  expect(await mb('archive', '--older-than', 'x')).toMatchObject({ code: 64 });
  const dry = await mb('archive', '--older-than', '90d', '--dry-run');
  expect(dry).toMatchObject({ code: 0, out: expect.stringContaining('would archive 2 messages') });
  expect(snapshot(dir)).toEqual(before);
  const done = await mb('archive', '--older-than', '90d');
  expect(done.code, done.err).toBe(0);
  expect(done.out).toMatch(/^archived 2 messages: .*-1\.bundle\n$/);
  expect(await mb('archive', '--older-than', '90d')).toMatchObject({
    code: 0,
    out: 'nothing to archive: no message ended more than 90d 0h ago\n',
  });
  const name = readdirSync(join(dir, '.mailboxd/archives'))[0] ?? '';
  expect((await mb('archive', 'list')).out).toContain(name);
  expect((await mb('archive', 'list', name)).out).toMatch(
    /^old-2\t\S+\tmailboxes\/server\/failed\/b\.md\tOf old-2\nold-1\t/,
  );
  expect(await mb('archive', 'list', 'nope')).toMatchObject({ code: 3 });
  expect(await mb('archive', 'restore')).toMatchObject({ code: 64 });
  expect(await mb('archive', 'restore', name, '--older-than', '1d')).toMatchObject({ code: 64 });
  expect(await mb('archive', 'restore', name, '--id', 'nope')).toMatchObject({ code: 3 });
  expect(await mb('archive', 'restore', name)).toMatchObject({ code: 0, out: expect.stringContaining('restored: ') });
  expect(snapshot(dir)).toEqual(before);
  expect((await mb('show', 'old-1')).code).toBe(0);
});

test('the same as JSON, to a file elsewhere', async () => {
  const { dir, mb } = await makeRoot(OLD);
  const file = join(dir, 'mine.bundle');
  const done = await mb('archive', '--older-than', '90d', '--to', 'mine.bundle', '--mailbox', 'server', '--json');
  const ended = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);
  const one = {
    id: 'old-1',
    path: 'mailboxes/server/complete/2026-08/a.md',
    ended,
    attachments: ['attachments/old-1/x.bin'],
  };
  const two = { id: 'old-2', path: 'mailboxes/server/failed/b.md', ended, attachments: [] };
  expect(done.json()).toEqual({ archive: file, dry_run: false, messages: [two, one], left: [] });
  expect(await mb('archive', '--older-than', '1d', '--to', 'mine.bundle')).toMatchObject({ code: 4 });
  expect((await mb('archive', 'list', '--json')).json()).toEqual({ archives: [] });
  const listed = (await mb('archive', 'list', 'mine.bundle', '--json')).json();
  expect(listed.messages.map((message: Json) => message.subject)).toEqual(['Of old-2', 'Of old-1']);
  expect((await mb('archive', 'restore', 'mine.bundle', '--id', 'old-1', '--json')).json()).toEqual({
    archive: file,
    restored: [one.attachments[0], one.path],
    skipped: [],
    beside: [],
  });
  writeFileSync(join(dir, 'text.bundle'), 'text');
  expect(await mb('archive', 'restore', 'text.bundle')).toMatchObject({ code: 64 });
  const bare = await callsIn(dir, { env: { MAILBOXD_ROOT: dir } })('archive', 'restore', 'mine.bundle', '--json');
  expect(bare.json()).toMatchObject({ restored: [two.path], skipped: [one.attachments[0], one.path] });
});

test('killed while it removes: every message is in the root or in the bundle, and a repeat brings it to its end', async () => {
  const files: Record<string, string> = { 'attachments/': '' };
  for (let i = 0; i < 200; i += 1) files[`mailboxes/server/complete/m${i}.md`] = finished(`m-${i}`, 100 + i, `${i}\n`);
  const { dir, mb } = await makeRoot(files);
  const before = snapshot(dir);
  const archives = join(dir, '.mailboxd/archives');
  const complete = join(dir, 'mailboxes/server/complete');
  const program = runProgram(dir, ['archive', '--older-than', '1d']);
  const bundles = (): string[] =>
    existsSync(archives) ? readdirSync(archives).filter((name) => /^\d.*bundle$/.test(name)) : [];
  await waitUntil(() => bundles().length === 1 && readdirSync(complete).length < 195);
  program.child.kill('SIGKILL');
  await program.ended;
  expect(readdirSync(complete).length, 'killed before its end').toBeGreaterThan(0);
  // The next start of a daemon takes up what was under a hidden name.
  expect((await mb('start', '--once')).code).toBe(0);
  const first = (await mb('archive', 'list', bundles()[0] ?? '', '--json')).json();
  expect(first.messages).toHaveLength(200);
  for (const [path, text] of Object.entries(snapshot(dir))) expect(text, path).toBe(before[path]);
  expect((await mb('archive', '--older-than', '1d')).code).toBe(0);
  expect(Object.keys(snapshot(dir)).filter((path) => path.includes('/complete/'))).toEqual([]);
  for (const name of bundles()) expect((await mb('archive', 'restore', name)).code).toBe(0);
  expect(snapshot(dir)).toEqual(before);
});
