/**
 * From a rename into the inbox to the claim: to the moment when the daemon, having taken the file, has written its claim
 * into it and synced it. The floor is a process that does nothing but `fs.watch` the folder and say that it heard.
 * Each message is renamed in when the one before has ended, so that nothing waits for its turn.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { now, startDaemonProcess } from '../support/daemon-child.mjs';
import { compare, median, quantile } from '../support/figures.mjs';
import { folder, makeRoot } from '../support/place.mjs';
import { until } from '../support/until.mjs';

const ringer = fileURLToPath(new URL('../peers/ringer-process.mjs', import.meta.url));
const WAITING = 10_000;
const task = (n) => `---\ntype: task\nfrom: laptop\nsubject: Number ${n}\n---\nSay hello.\n`;

/** @param {import('./index.mjs').RowContext} context */
export async function measureClaim({ dir, quick, say }) {
  const repetitions = quick ? 2 : 4;
  const count = quick ? 100 : 250;
  const few = [];
  const many = [];
  for (let n = 0; n < repetitions; n += 1) {
    few.push(await measureOnce(join(dir, `few-${n}`), count, 0));
    many.push(await measureOnce(join(dir, `many-${n}`), count, WAITING));
    for (const [name, { ours, bare }] of Object.entries({ 'nothing else': few[n], '10,000 waiting': many[n] })) {
      say(
        `${n + 1} of ${repetitions}, ${name}: p50 ${ours.p50.toFixed(2)} ms, p99 ${ours.p99.toFixed(2)} ms, bare ${bare.p50.toFixed(2)} and ${bare.p99.toFixed(2)} ms`,
      );
    }
  }
  const atMost = (of, limit) => ({ of, is: /** @type {const} */ ('at most'), limit });
  const latency = (q, what, runs, limit) =>
    compare({
      name: `rename → claim, ${q}, ${what}`,
      unit: 'ms',
      beside: 'bare fs.watch',
      pairs: runs.map(({ ours, bare }) => ({ value: ours[q], beside: bare[q] })),
      target: atMost('value', limit),
    });
  const growth = (q) =>
    compare({
      name: `${q} with 10,000 waiting`,
      unit: 'ms',
      beside: 'ours without',
      pairs: many.map(({ ours }, n) => ({ value: ours[q], beside: few[n].ours[q] })),
      target: atMost('ratio', 2),
    });
  return [
    latency('p50', 'nothing waiting', few, 10),
    latency('p99', 'nothing waiting', few, 40),
    latency('p50', '10,000 waiting', many, 20),
    latency('p99', '10,000 waiting', many, 80),
    growth('p50'),
    growth('p99'),
  ];
}

/** One fresh root, warm, then `count` messages one after the other, each beside a bare ring. */
async function measureOnce(dir, count, waiting) {
  const root = makeRoot(join(dir, 'root'));
  const inbox = folder(root, 'server', 'inbox');
  const bareInbox = join(dir, 'bare');
  mkdirSync(bareInbox);
  fill(inbox, waiting);
  fill(bareInbox, waiting);
  const prepared = join(root, 'prepared');
  mkdirSync(prepared);
  const warm = 100;
  for (let n = 0; n < count + warm; n += 1) writeFileSync(join(prepared, `${n}.md`), task(n));
  for (let n = 0; n < count; n += 1) writeFileSync(join(prepared, `bare-${n}.md`), task(n));

  const claimed = new Map();
  const ended = new Set();
  const daemon = await startDaemonProcess(root, {
    onEvent({ type, name, at }) {
      if (type === 'claimed') claimed.set(name, at);
      if (type === 'finished') ended.add(name);
    },
  });
  const bare = fork(ringer, [bareInbox], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  await once(bare, 'message');
  const heard = new Map();
  bare.on('message', ({ name, at }) => heard.set(name, heard.get(name) ?? at));

  const ours = [];
  const floor = [];
  for (let n = 0; n < count + warm; n += 1) {
    const name = `${n}.md`;
    const at = now();
    renameSync(join(prepared, name), join(inbox, name));
    await until(() => ended.has(name), 30_000, `the end of ${name}`);
    if (n < warm) continue;
    ours.push(claimed.get(name) - at);
    const bareName = `bare-${n - warm}.md`;
    const bareAt = now();
    renameSync(join(prepared, bareName), join(bareInbox, bareName));
    await until(() => heard.has(bareName), 30_000, `a ring for ${bareName}`);
    floor.push(heard.get(bareName) - bareAt);
  }
  bare.kill();
  await daemon.stop();
  return { ours: summary(ours), bare: summary(floor) };
}

const summary = (times) => ({ p50: median(times), p99: quantile(times, 0.99) });

/** Half chats, half tasks of next year: both wait, neither is run. */
function fill(inbox, count) {
  for (let n = 0; n < count; n += 1) {
    const fields = n % 2 === 0 ? 'type: chat\nfrom: laptop' : 'type: task\nnot_before: "2099-01-01T00:00:00Z"';
    writeFileSync(join(inbox, `waiting-${n}.md`), `---\n${fields}\n---\nNumber ${n}\n`);
  }
}
