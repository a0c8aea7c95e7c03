/** Archiving and restoring: nothing is removed that is not in a bundle, and what comes back is the same to the byte. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { archiveOld, type ArchiveRequest, type ArchiveReport } from '../../src/mailbox/archive/archive.js';
import { listArchives } from '../../src/mailbox/archive/archives.js';
import { restoreArchive, type RestoreReport } from '../../src/mailbox/archive/restore.js';
import { retain } from '../../src/mailbox/retention.js';
import { testdir } from '../support/testdir.js';
import { clock, DAY, finished, makeOldRoot, snapshot, withDesk } from './archive-box.js';

const archive = (root: string, more: Partial<ArchiveRequest> = {}): Promise<ArchiveReport> =>
  withDesk(root, (desk) => archiveOld(desk, { olderThan: 90 * DAY, ...more }));
const restore = (root: string, file: string, id?: string): Promise<RestoreReport> =>
  withDesk(root, (desk) => restoreArchive(desk, file, id));

const OLD = [
  'mailboxes/laptop/failed/2026-01-01-bare.md',
  'mailboxes/server/complete/2026-08/größe.md',
  'mailboxes/server/complete/with files.md',
];
const STAYS = [
  'attachments/new-1/stays.txt',
  'mailboxes/server/complete/recent.md',
  'mailboxes/server/inbox/waiting.md',
];

test('what is old goes into a bundle, and comes back as it was', async () => {
  const root = makeOldRoot();
  const before = snapshot(root);
  const { file = '', messages, left } = await archive(root);
  expect(messages.map(({ path }) => path)).toEqual(OLD);
  expect(left).toEqual([]);
  expect(file).toBe(join(root, '.mailboxd/archives/2026-11-20-1.bundle'));
  expect(Object.keys(snapshot(root)).toSorted()).toEqual(STAYS);
  expect(existsSync(join(root, 'attachments/old-1'))).toBe(false);
  expect(readdirSync(join(root, '.mailboxd/archives'))).toEqual(['2026-11-20-1.bundle']);

  const report = await restore(root, file);
  expect(report.restored.toSorted()).toEqual(
    [...OLD, 'attachments/old-1/data.bin', 'attachments/old-1/sub/page.html'].toSorted(),
  );
  expect(snapshot(root)).toEqual(before);
  expect((await restore(root, file)).restored).toEqual([]);
  expect(snapshot(root)).toEqual(before);
});

test('a plain git reads it, in another root it restores too, and one message alone', async () => {
  const root = makeOldRoot();
  const { file = '' } = await archive(root, { to: testdir() });
  const clone = testdir();
  const env = { PATH: process.env['PATH'], HOME: clone, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };
  execFileSync('git', ['clone', '-q', '-b', 'archive', file, join(clone, 'it')], { env });
  expect(existsSync(join(clone, 'it', OLD[2] ?? ''))).toBe(true);
  const other = testdir({ 'mailboxes/': '' });
  expect((await restore(other, file, 'old-1')).restored).toHaveLength(3);
  expect(await restore(other, file, 'old-2').then(({ restored }) => restored)).toEqual([OLD[1]]);
  await expect(restore(other, file, 'old')).rejects.toMatchObject({ code: 'ambiguous' });
  await expect(restore(other, file, 'nope')).rejects.toMatchObject({ code: 'not_found' });
});

test('a repository in the root is neither needed nor touched, whatever its configuration says', async () => {
  const root = makeOldRoot();
  const env = { PATH: process.env['PATH'], HOME: root, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };
  execFileSync('git', ['init', '-q'], { cwd: root, env });
  appendFileSync(join(root, '.git/config'), `[core]\n\thooksPath = ${root}\n\tfsmonitor = "touch ${root}/ran"\n`);
  writeFileSync(join(root, '.gitattributes'), '* text eol=lf filter=x\n');
  const before = snapshot(root);
  const { file = '' } = await archive(root);
  await restore(root, file);
  expect(snapshot(root)).toEqual(before);
  expect(existsSync(join(root, 'ran'))).toBe(false);
  expect(readdirSync(join(root, '.git/objects')).filter((name) => name.length === 2)).toEqual([]);
});

test('an edit, a move and a new claim between the bundle and the removal stay', async () => {
  const root = makeOldRoot();
  const [bare = '', month = '', files = ''] = OLD.map((path) => join(root, path));
  const { messages, left } = await archive(root, {
    onWritten: () => {
      appendFileSync(bare, 'a note\n');
      renameSync(month, join(root, 'mailboxes/server/inbox/again.md'));
      appendFileSync(join(root, 'attachments/old-1/data.bin'), 'more');
      writeFileSync(join(root, 'attachments/old-1/new.txt'), 'new');
    },
  });
  expect(messages.map(({ path }) => path)).toEqual([OLD[2]]);
  expect(left.map(({ path }) => path)).toEqual([OLD[0], OLD[1]]);
  const after = snapshot(root);
  expect(after['mailboxes/laptop/failed/2026-01-01-bare.md']).toBe('bare\na note\n');
  expect(after['mailboxes/server/inbox/again.md']).toBe(Buffer.from(finished('old-2', 101)).toString('latin1'));
  expect(existsSync(files)).toBe(false);
  expect(
    Object.keys(after)
      .filter((path) => path.startsWith('attachments/old-1'))
      .toSorted(),
  ).toEqual(['attachments/old-1/data.bin', 'attachments/old-1/new.txt']);
});

test('cut off between the bundle and the removal: both are there, and a repeat is harmless', async () => {
  const root = makeOldRoot();
  const before = snapshot(root);
  await expect(
    archive(root, {
      onWritten: () => {
        throw new Error('cut off');
      },
    }),
  ).rejects.toThrow('cut off');
  expect(snapshot(root)).toEqual(before);
  expect(listArchives(root)).toHaveLength(1);
  expect((await archive(root)).messages).toHaveLength(3);
  const files = listArchives(root).map(({ file }) => file);
  expect(files).toHaveLength(2);
  for (const file of files) await restore(root, file);
  expect(snapshot(root)).toEqual(before);
});

test('a name that another file has: restored beside it, once', async () => {
  const root = makeOldRoot();
  const before = snapshot(root);
  const { file = '' } = await archive(root);
  writeFileSync(join(root, OLD[2] ?? ''), 'another\n');
  mkdirSync(join(root, 'attachments/old-1'));
  writeFileSync(join(root, 'attachments/old-1/data.bin'), 'another\n');
  const { beside } = await restore(root, file);
  expect(beside.map(({ as }) => as)).toEqual([
    expect.stringMatching(/^attachments\/old-1\/data-[0-9a-f]{8}\.bin$/),
    expect.stringMatching(/^mailboxes\/server\/complete\/with files-[0-9a-f]{8}\.md$/),
  ]);
  expect(snapshot(root)).toMatchObject({
    [OLD[2] ?? '']: 'another\n',
    [beside[1]?.as ?? '']: before[OLD[2] ?? ''],
    [beside[0]?.as ?? '']: before['attachments/old-1/data.bin'],
  });
  const all = snapshot(root);
  expect(await restore(root, file)).toMatchObject({ restored: [], beside: [] });
  expect(snapshot(root)).toEqual(all);
});

test('a message that retention has moved since is known for the same', async () => {
  const root = makeOldRoot();
  const { file = '' } = await archive(root, { onWritten: () => undefined });
  await restore(root, file);
  const later = { ...clock, now: () => Date.now() + DAY };
  await withDesk(root, (desk) => retain({ ...desk, clock: later }));
  const after = snapshot(root);
  expect(after).toHaveProperty(['mailboxes/server/complete/2026-08/with files.md']);
  expect((await restore(root, file)).restored).toEqual([]);
  expect(snapshot(root)).toEqual(after);
});

test('what may not be archived stays, with the reason; attachments that another message has stay too', async () => {
  const root = makeOldRoot();
  writeFileSync(
    join(root, 'mailboxes/server/complete/claimed.md'),
    finished('c-1', 100).replace('---\n', '---\nclaim: { worker: a@b }\n'),
  );
  writeFileSync(join(root, 'mailboxes/server/complete/bad\u0007name.md'), finished('c-2', 100));
  writeFileSync(join(root, 'mailboxes/server/complete/linked.md'), finished('c-3', 100));
  mkdirSync(join(root, 'attachments/c-3'));
  symlinkSync('/etc/hostname', join(root, 'attachments/c-3/x'));
  writeFileSync(join(root, 'mailboxes/server/inbox/copy.md'), '---\nid: old-1\n---\nagain\n');
  const { messages, left } = await archive(root);
  expect(messages.map(({ path }) => path)).toEqual(OLD);
  expect(left.map(({ path }) => path.split('/').at(-1) ?? '').toSorted()).toEqual([
    'bad\u0007name.md',
    'claimed.md',
    'linked.md',
  ]);
  expect(existsSync(join(root, 'attachments/old-1/data.bin'))).toBe(true);
});

test('dry run, one mailbox, an existing target, nothing to do', async () => {
  const root = makeOldRoot();
  const before = snapshot(root);
  expect((await archive(root, { dryRun: true })).messages).toHaveLength(3);
  expect(existsSync(join(root, '.mailboxd/archives'))).toBe(false);
  await expect(archive(root, { to: join(root, OLD[0] ?? '') })).rejects.toMatchObject({ code: 'conflict' });
  await expect(archive(root, { mailbox: 'nobody' })).rejects.toMatchObject({ code: 'not_found' });
  expect(snapshot(root)).toEqual(before);
  expect((await archive(root, { mailbox: 'laptop' })).messages.map(({ path }) => path)).toEqual([OLD[0]]);
  expect((await archive(root, { mailbox: 'laptop' })).file).toBeUndefined();
});
