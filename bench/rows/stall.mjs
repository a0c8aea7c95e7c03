/**
 * The event loop is held for 3 s while 20,000 files are renamed into two inboxes, more than the system's event queue
 * holds. Everything must be noticed within one reconcile (3 s) of the end of the stall. The floor is a bare `readdir` with
 * a read of each file, of as many files in a folder of their own.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startDaemonProcess } from '../support/daemon-child.mjs';
import { compare } from '../support/figures.mjs';
import { folder, makeRoot } from '../support/place.mjs';
import { until } from '../support/until.mjs';

const FILES = 20_000;
const STALL = 3_000;
/** One period of the daemon's reconcile, s. */
const LIMIT = 3;
const MAILBOXES = ['server', 'laptop'];

/** @param {import('./index.mjs').RowContext} context */
export async function measureStall({ dir, quick, say }) {
  const repetitions = quick ? 1 : 3;
  const noticed = [];
  const missed = [];
  for (let n = 0; n < repetitions; n += 1) {
    const { seconds, bareSeconds, lost } = await stallOnce(join(dir, String(n)));
    noticed.push({ value: seconds, beside: bareSeconds });
    missed.push({ value: lost, beside: FILES });
    say(
      `${n + 1} of ${repetitions}: all but ${lost} noticed after ${seconds.toFixed(2)} s; bare reading took ${bareSeconds.toFixed(2)} s`,
    );
  }
  return [
    compare({
      name: 'never noticed, of 20,000',
      unit: '',
      beside: 'files renamed',
      pairs: missed,
      target: { of: 'value', is: 'at most', limit: 0 },
    }),
    compare({
      name: 'all noticed, after the stall',
      unit: 's',
      beside: 'bare readdir and read',
      pairs: noticed,
      target: { of: 'value', is: 'at most', limit: LIMIT },
    }),
  ];
}

async function stallOnce(dir) {
  const root = makeRoot(join(dir, 'root'), { serve: MAILBOXES });
  const bare = join(dir, 'bare');
  const prepared = join(dir, 'prepared');
  mkdirSync(bare, { recursive: true });
  mkdirSync(prepared);
  const text = (n) => `---\ntype: task\nnot_before: "2099-01-01T00:00:00Z"\n---\nNumber ${n}\n`;
  for (let n = 0; n < FILES; n += 1) {
    writeFileSync(join(prepared, `${n}.md`), text(n));
    writeFileSync(join(bare, `${n}.md`), text(n));
  }
  let isStalling = false;
  const daemon = await startDaemonProcess(root, { onEvent: ({ type }) => (isStalling ||= type === 'stalling') });
  const stalled = daemon.ask('stall', STALL);
  await until(() => isStalling, 10_000, 'the stall');
  const begun = performance.now();
  for (let n = 0; n < FILES; n += 1) {
    renameSync(join(prepared, `${n}.md`), join(folder(root, MAILBOXES[n % 2], 'inbox'), `${n}.md`));
  }
  if (performance.now() - begun > STALL) throw new Error('the stall was over before all files were renamed');
  await stalled;
  const started = performance.now();
  let size = 0;
  while (size < FILES && performance.now() - started < 30_000) {
    size = await daemon.ask('size');
    if (size < FILES) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const seconds = (performance.now() - started) / 1_000;
  await daemon.stop();
  const bareStarted = performance.now();
  for (const name of readdirSync(bare)) readFileSync(join(bare, name));
  return { seconds, bareSeconds: (performance.now() - bareStarted) / 1_000, lost: FILES - size };
}
