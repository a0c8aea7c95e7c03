/**
 * A full disk, a missing permission, too many open files, no watches left: each is said in plain words with the next
 * step, nothing is lost, and work goes on when it is mended. A tmpfs of 1 MiB stands for the disk.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { testdir } from '../support/testdir.js';
import { waitUntil } from '../support/wait-until.js';
import { makeRoot, namesIn, pathOf, startDaemonProcess, told, type DaemonProcess } from './daemon-process.js';

const QUICK = 'runner: simulator\nrunners: { simulator: { duration: 10ms } }\n';
/** A user without rights; files made for it are its own. */
const NOBODY = 65_534;
const lifted: (() => void)[] = [];
let daemon: DaemonProcess | undefined;

afterEach(async () => {
  await daemon?.kill();
  daemon = undefined;
  for (const lift of lifted.splice(0).toReversed()) lift();
});

const troubles = (root: string): string[] =>
  told(root)
    .filter((event) => event.type === 'trouble')
    .map((event) => `${event.message} | ${event.hint ?? ''}`);
const saw = (root: string, pattern: RegExp): Promise<true> =>
  waitUntil(() => troubles(root).some((text) => pattern.test(text)), {
    timeout: 15_000,
    what: `${pattern}; told were\n${troubles(root).join('\n')}\n${daemon?.stderr() ?? ''}`,
  });
const completed = (root: string, ...names: string[]): Promise<true> =>
  waitUntil(() => names.every((name) => namesIn(root, 'complete').includes(name)), {
    timeout: 20_000,
    what: `${names.join(', ')} to complete; told were\n${troubles(root).join('\n')}`,
  });

test('disk full: it says so, the message stays whole, and it is run when there is room', {
  timeout: 60_000,
}, async () => {
  const dir = testdir({ 'disk/': '' });
  const disk = join(dir, 'disk');
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
  lifted.push(() => execFileSync('umount', ['-l', disk]));
  const root = makeRoot(disk, QUICK);
  // What it tells must not need the full disk.
  daemon = startDaemonProcess(root, { env: { EVENTS: join(dir, 'events.ndjson') } });
  writeFileSync(pathOf(root, 'inbox', 'first.md'), 'before\n');
  await completed(root, 'first.md');
  writeFileSync(pathOf(root, 'inbox', 'second.md'), '---\nnot_before: "2026-11-20T00:00:00Z" # now\n---\nduring\n');
  fill(join(disk, 'filler'));
  await waitUntil(
    () =>
      readEvents(dir).some((text) => /disk is full: free some space/.test(text)) ||
      namesIn(root, 'complete').includes('second.md'),
    { timeout: 15_000, what: 'the complaint' },
  );
  writeFileSync(join(dir, 'third.md'), 'third\n');
  rmSync(join(disk, 'filler'));
  cpSync(join(dir, 'third.md'), pathOf(root, 'inbox', 'third.md'));
  await completed(root, 'second.md', 'third.md');
  expect(readFileSync(pathOf(root, 'complete', 'second.md'), 'utf8')).toContain('\nduring\n');
  expect(readEvents(dir).some((text) => /no space left on device/i.test(text) && /disk is full/.test(text))).toBe(true);
  expect(await daemon.kill('SIGTERM')).toBe(0);
});

function fill(path: string): void {
  for (const size of [65_536, 4_096, 512, 1]) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(size), { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
}

function readEvents(dir: string): string[] {
  const path = join(dir, 'events.ndjson');
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.includes('"trouble"'));
}

/** A root that belongs to `nobody`, with a copy of what a daemon needs where that user may read it. */
function rootOfNobody(): string {
  const dir = testdir();
  chmodSync(dir, 0o755);
  const root = makeRoot(join(dir, 'root'), QUICK);
  execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, root]);
  return root;
}

/** Any user may read the checkout that the daemon is started from. */
function asNobody(): string[] {
  return ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
}

test('no permission: it says which, and goes on when it is given', { timeout: 60_000 }, async () => {
  const root = rootOfNobody();
  daemon = startDaemonProcess(root, { through: asNobody() });
  writeFileSync(pathOf(root, 'inbox', 'first.md'), 'before\n', { mode: 0o644 });
  await completed(root, 'first.md');
  chmodSync(join(root, 'mailboxes/server/in_progress'), 0o555);
  writeFileSync(pathOf(root, 'inbox', 'second.md'), 'during\n');
  await saw(root, /claiming .*second\.md.*EACCES.*\| permission is missing: give this user write access/);
  expect(readFileSync(pathOf(root, 'inbox', 'second.md'), 'utf8')).toBe('during\n');
  chmodSync(join(root, 'mailboxes/server/in_progress'), 0o755);
  await completed(root, 'second.md');

  writeFileSync(pathOf(root, 'inbox', 'secret.md'), 'not for everyone\n', { mode: 0o600 });
  chownSync(pathOf(root, 'inbox', 'secret.md'), 0, 0);
  await saw(root, /secret\.md.*(EACCES|permission)/);
  chownSync(pathOf(root, 'inbox', 'secret.md'), NOBODY, NOBODY);
  await completed(root, 'secret.md');
  expect(await daemon.kill('SIGTERM')).toBe(0);
});

test('too many open files: it says so and recovers when some are closed', { timeout: 60_000 }, async () => {
  const root = makeRoot(testdir(), QUICK);
  daemon = startDaemonProcess(root);
  writeFileSync(pathOf(root, 'inbox', 'first.md'), 'before\n');
  await completed(root, 'first.md');
  const pid = String(daemon.child.pid);
  execFileSync('prlimit', ['--pid', pid, '--nofile=5:4096']);
  writeFileSync(pathOf(root, 'inbox', 'second.md'), 'during\n');
  // Not even its log can be opened now; what it says is read from its standard error.
  await waitUntil(() => /too many (open files|files are open)/i.test(daemon?.stderr() ?? ''), {
    timeout: 15_000,
    what: 'the complaint',
  });
  execFileSync('prlimit', ['--pid', pid, '--nofile=4096:4096']);
  await completed(root, 'second.md');
  expect(daemon.stderr()).toContain('raise the limit with `ulimit -n`');
  expect(await daemon.kill('SIGTERM')).toBe(0);
});

test.each([
  ['max_user_watches', /no more file watches \| raise fs\.inotify\.max_user_watches/],
  ['max_user_instances', /no more watchers or open files \| raise fs\.inotify\.max_user_instances/],
])(
  'the limit fs.inotify.%s is reached: it says so, and finds files without watches',
  { timeout: 60_000 },
  async (limit, pattern) => {
    const path = `/proc/sys/fs/inotify/${limit}`;
    const before = readFileSync(path, 'utf8');
    lifted.push(() => writeFileSync(path, before));
    const root = rootOfNobody();
    // The limit is counted for each user: nobody else here runs as this one.
    writeFileSync(path, '0');
    daemon = startDaemonProcess(root, { through: asNobody() });
    await saw(root, pattern);
    writeFileSync(path, before);
    writeFileSync(pathOf(root, 'inbox', 'a.md'), 'found all the same\n');
    await completed(root, 'a.md');
    expect(await daemon.kill('SIGTERM')).toBe(0);
  },
);
