/**
 * 20 tasks at once, each streaming 200 events a second (the `command` runner with JSON lines, so that they come through
 * real pipes). Each event carries the time at which it was written; the bench looks at the growing files every few
 * milliseconds and notes when it sees it. The daemon's loop is watched from within. The floor is a process that starts
 * the same children and appends what they say as it comes.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { now, startDaemonProcess } from '../support/daemon-child.mjs';
import { compare, quantile } from '../support/figures.mjs';
import { folder, makeRoot } from '../support/place.mjs';
import { until } from '../support/until.mjs';

const TASKS = 20;
const RATE = 200;
const LATE = 150;
const child = fileURLToPath(new URL('../peers/stream-process.mjs', import.meta.url));
const bareProgram = fileURLToPath(new URL('../peers/stream-bare-process.mjs', import.meta.url));

/** @param {import('./index.mjs').RowContext} context */
export async function measureStream({ dir, quick, say }) {
  const repetitions = quick ? 1 : 3;
  const seconds = quick ? 5 : 8;
  const runs = [];
  for (let n = 0; n < repetitions; n += 1) {
    const ours = await streamOurs(join(dir, `ours-${n}`), seconds);
    const bare = await streamBare(join(dir, `bare-${n}`), seconds);
    runs.push({ ours, bare });
    for (const [name, { p99, seen, late }] of Object.entries({ ours, bare })) {
      const [half, most, worst] = [0.5, 0.99, 1].map((q) => quantile(seen, q).toFixed(0));
      say(
        `${n + 1} of ${repetitions}, ${name}: loop p99 ${p99.toFixed(1)} ms; in the file p50 ${half}, p99 ${most}, max ${worst} ms; ${late} late of ${seen.length}`,
      );
    }
  }
  const pairs = (of) => runs.map(({ ours, bare }) => ({ value: of(ours), beside: of(bare) }));
  const atMost = (limit) => ({ of: /** @type {const} */ ('value'), is: /** @type {const} */ ('at most'), limit });
  const beside = 'bare append';
  return [
    compare({ name: 'loop delay, p99', unit: 'ms', beside, pairs: pairs((run) => run.p99), target: atMost(50) }),
    compare({
      name: 'event → in the file, p99',
      unit: 'ms',
      beside,
      pairs: pairs((run) => quantile(run.seen, 0.99)),
      target: atMost(LATE),
    }),
    compare({
      name: 'events later than 150 ms',
      unit: '%',
      beside,
      pairs: pairs((run) => (100 * run.late) / (TASKS * RATE * seconds)),
      target: atMost(0),
    }),
  ];
}

async function streamOurs(dir, seconds) {
  const root = makeRoot(dir, {
    runner: 'command',
    runners: { command: { argv: [process.execPath, child, String(seconds)], output: 'json' } },
    limits: { concurrency: TASKS, host_concurrency: TASKS },
  });
  let ended = 0;
  let claimed = 0;
  const daemon = await startDaemonProcess(root, {
    onEvent({ type }) {
      if (type === 'finished') ended += 1;
      if (type === 'claimed') claimed += 1;
    },
  });
  for (let n = 0; n < TASKS; n += 1) writeFileSync(join(folder(root, 'server', 'inbox'), `${n}.md`), `Task ${n}\n`);
  const seen = createReader(folder(root, 'server', 'in_progress'));
  await until(() => claimed === TASKS, 30_000, 'the claims');
  await daemon.ask('loopReset');
  await watchUntil(seen, () => ended === TASKS, seconds);
  const { p99 } = await daemon.ask('loop');
  await daemon.stop();
  return { p99, ...seen.close(TASKS * RATE * seconds) };
}

async function streamBare(dir, seconds) {
  mkdirSync(dir, { recursive: true });
  const seen = createReader(dir);
  const bare = fork(bareProgram, [dir, child, String(seconds), String(TASKS)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  let p99 = Number.NaN;
  bare.on('message', (/** @type {any} */ said) => (p99 = said.p99));
  const ended = once(bare, 'exit');
  await watchUntil(seen, () => !Number.isNaN(p99), seconds);
  await ended;
  return { p99, ...seen.close(TASKS * RATE * seconds) };
}

async function watchUntil(reader, isOver, seconds) {
  const end = performance.now() + seconds * 1_000 + 60_000;
  while (!isOver()) {
    if (performance.now() > end) throw new Error('the streams did not end');
    reader.look();
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
}

/** Reads what is new in the growing files of a folder, and notes how old each event is. */
function createReader(dir) {
  const files = new Map();
  const seen = [];
  const buffer = Buffer.alloc(1 << 20);
  return {
    look() {
      for (const name of files.size < TASKS ? readdirSync(dir) : []) {
        if (name.startsWith('.') || files.has(name)) continue;
        files.set(name, { fd: openSync(join(dir, name), 'r'), at: 0, rest: '' });
      }
      for (const file of files.values()) {
        if (fstatSync(file.fd).size === file.at) continue;
        const count = readSync(file.fd, buffer, 0, buffer.length, file.at);
        const time = now();
        file.at += count;
        const text = file.rest + buffer.toString('latin1', 0, count);
        const cut = text.lastIndexOf('\n') + 1;
        file.rest = text.slice(cut);
        for (const match of text.slice(0, cut).matchAll(/@(\d+\.\d)/g)) seen.push(time - Number(match[1]));
      }
    },
    /** An event that was never seen counts as late. */
    close(expected) {
      for (const { fd } of files.values()) closeSync(fd);
      return { seen, late: seen.filter((ms) => ms > LATE).length + Math.max(0, expected - seen.length) };
    },
  };
}
