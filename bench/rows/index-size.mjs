/**
 * A root with 100,000 finished messages: how long a daemon takes to start from its index and to rebuild it, what it holds
 * in memory and what it costs while nothing happens, and whether writing the index holds up its loop. The floor of
 * reading is a process that reads every file, synchronously, and nothing else; the peer of memory and idle time is the
 * same daemon on an empty root, at the same time.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openMailboxes } from '../../dist/mailbox/open.js';
import { startDaemonProcess } from '../support/daemon-child.mjs';
import { compare } from '../support/figures.mjs';
import { folder, makeRoot } from '../support/place.mjs';
import { until } from '../support/until.mjs';

const MESSAGES = 100_000;
const MONTHS = 12;
const run = promisify(execFile);
const program = (name) => fileURLToPath(new URL(`../peers/${name}.mjs`, import.meta.url));

/** @param {import('./index.mjs').RowContext} context */
export async function measureIndex({ dir, quick, say }) {
  const repetitions = quick ? 2 : 4;
  const root = makeRoot(join(dir, 'full'));
  const empty = makeRoot(join(dir, 'empty'));
  await fillRoot(root, join(dir, 'sample'));
  say(`${MESSAGES} finished messages written`);

  const rebuilds = [];
  const writes = [];
  const starts = [];
  for (let n = 0; n < repetitions; n += 1) {
    const bare = await ask('read-all-process', folder(root, 'server', 'complete'));
    for (const name of ['index.json', 'index.journal']) rmSync(join(root, '.mailboxd', name), { force: true });
    const rebuilt = await ask('rebuild-process', root);
    if (rebuilt.messages !== MESSAGES) throw new Error(`found ${rebuilt.messages} messages, expected ${MESSAGES}`);
    rebuilds.push({ value: rebuilt.seconds, beside: bare.seconds });
    writes.push({ value: rebuilt.writing.max, beside: rebuilt.idle.max });
    const daemon = await startDaemonProcess(root);
    starts.push({ value: daemon.startMs / 1_000, beside: bare.seconds });
    await daemon.stop();
    say(
      `${n + 1} of ${repetitions}: bare read ${bare.seconds.toFixed(2)} s, rebuild ${rebuilt.seconds.toFixed(2)} s, start ${(daemon.startMs / 1_000).toFixed(2)} s, longest block while the index is written ${rebuilt.writing.max.toFixed(1)} ms, idle ${rebuilt.idle.max.toFixed(1)} ms`,
    );
  }
  const { memory, cpu } = await restTogether(root, empty, repetitions, say);
  const atMost = (of, limit) => ({ of, is: /** @type {const} */ ('at most'), limit });
  return [
    compare({
      name: 'start from the index',
      unit: 's',
      beside: 'bare read of all files',
      pairs: starts,
      target: atMost('value', 1),
    }),
    compare({
      name: 'rebuild the index',
      unit: 's',
      beside: 'bare read of all files',
      pairs: rebuilds,
      target: atMost('ratio', 3),
    }),
    compare({
      name: 'loop blocked while the index is written',
      unit: 'ms',
      beside: 'idle loop, max',
      pairs: writes,
      target: atMost('value', 20),
    }),
    compare({
      name: 'resident, above an empty root',
      unit: 'MB',
      beside: 'daemon on an empty root',
      pairs: memory,
      target: atMost('value', 60),
    }),
    compare({
      name: 'CPU while nothing happens',
      unit: '%',
      beside: 'daemon on an empty root',
      pairs: cpu,
      target: atMost('value', 0.5),
    }),
  ];
}

/** Both daemons at rest: after the first seconds, spans of 20 s each. */
async function restTogether(root, empty, repetitions, say) {
  const full = await startDaemonProcess(root);
  const bare = await startDaemonProcess(empty);
  const memory = [];
  const cpu = [];
  // What a start leaves for later (a look at every file) is done by then.
  await sleep(20_000);
  for (let n = 0; n < repetitions; n += 1) {
    const before = [await full.ask('cpu'), await bare.ask('cpu')];
    const started = performance.now();
    await sleep(20_000);
    const after = [await full.ask('cpu'), await bare.ask('cpu')];
    const span = (performance.now() - started) * 1_000;
    const share = (k) => ((after[k].user + after[k].system - before[k].user - before[k].system) / span) * 100;
    const [ours, peer] = [await full.ask('resident'), await bare.ask('resident')];
    cpu.push({ value: share(0), beside: share(1) });
    memory.push({ value: ours - peer, beside: peer });
    say(
      `at rest ${n + 1} of ${repetitions}: ${ours.toFixed(0)} MB and ${share(0).toFixed(2)} %, empty ${peer.toFixed(0)} MB and ${share(1).toFixed(2)} %`,
    );
  }
  await full.stop();
  await bare.stop();
  return { memory, cpu };
}

async function ask(name, ...args) {
  const { stdout } = await run(process.execPath, [program(name), ...args]);
  return JSON.parse(stdout);
}

/** One message goes through a daemon; the others are like it, each with an id, a time and a sender of its own. */
async function fillRoot(root, sampleRoot) {
  makeRoot(sampleRoot);
  let ended = false;
  const daemon = await startDaemonProcess(sampleRoot, { onEvent: ({ type }) => (ended ||= type === 'finished') });
  const desk = await openMailboxes(sampleRoot);
  const text = `Scrape the latest RSS feeds and summarise what moved the market.\n\nsimulate: length 600\n`;
  const { id } = await desk.send({
    to: 'server',
    text,
    fields: { from: 'laptop', subject: 'Scrape latest RSS feeds' },
  });
  await until(() => ended, 30_000, 'the sample’s end');
  await desk.close();
  await daemon.stop();
  const done = folder(sampleRoot, 'server', 'complete');
  const sample = readFileSync(join(done, readdirSync(done).find((name) => name.endsWith('.md')) ?? ''), 'utf8');
  const complete = folder(root, 'server', 'complete');
  for (let n = 0; n < MESSAGES; n += 1) {
    const month = `2026-${String((n % MONTHS) + 1).padStart(2, '0')}`;
    if (n < MONTHS) mkdirSync(join(complete, month));
    const own = `${id.slice(0, -12)}${n.toString(16).padStart(12, '0')}`;
    const created = new Date(Date.UTC(2026, n % MONTHS, 1, 0, 0, n)).toISOString();
    const message = sample
      .replaceAll(id, own)
      .replace(/^created: .*$/m, `created: "${created}"`)
      .replace('"laptop"', `"sender-${n % 20}"`);
    writeFileSync(join(complete, month, `${month}-01-scrape-latest-rss-feeds-${n}.md`), message);
  }
}
