/**
 * Send → complete, 8 at a time, each message durable at delivery, claim and end. The sender (the façade that every
 * front-end calls) and the daemon are two processes, as they are in use. The runner is the simulator with a duration of
 * nothing: it runs in the daemon's process, streams its notice and its answer, and takes no time of its own.
 */
import { watch } from 'node:fs';
import { join } from 'node:path';
import { openMailboxes } from '../../dist/mailbox/open.js';
import { openMaildir } from '../peers/maildir.mjs';
import { rateOfBullMq, startRedis } from '../peers/bullmq.mjs';
import { rateOfNq, rateOfTaskSpooler } from '../peers/queues.mjs';
import { rateOf } from '../support/at-once.mjs';
import { startDaemonProcess } from '../support/daemon-child.mjs';
import { compare } from '../support/figures.mjs';
import { folder, makeRoot } from '../support/place.mjs';

const TEXT = 'Scrape the latest RSS feeds and summarise what moved the market.\n';

/** @param {import('./index.mjs').RowContext} context */
export async function measureThroughput({ dir, quick, say, nodeArgs }) {
  const repetitions = quick ? 3 : 5;
  const count = quick ? 400 : 1_000;
  const ours = await openOurs(join(dir, 'root'), nodeArgs);
  const redis = await startRedis(join(dir, 'redis'));
  const maildir = openMaildir(join(dir, 'maildir'));
  const found = { maildir: [], nq: [], tsp: [], bullmq: [] };
  try {
    await rateOf(200, 8, () => ours.pass());
    await rateOf(200, 8, (n) => maildir.pass(`warm-${n}`, TEXT));
    for (let n = 0; n < repetitions; n += 1) {
      const before = await rateOf(count, 8, (k) => maildir.pass(`${n}-a-${k}`, TEXT));
      const value = await rateOf(count, 8, () => ours.pass());
      const after = await rateOf(count, 8, (k) => maildir.pass(`${n}-b-${k}`, TEXT));
      const nq = await rateOfNq(join(dir, `nq-${n}`), Math.min(count, 300));
      const tsp = await rateOfTaskSpooler(join(dir, `tsp-${n}`), Math.min(count, 300));
      const bullmq = await rateOfBullMq(redis.socket, `queue-${n}`, count);
      found.maildir.push({ value, beside: (before + after) / 2 });
      for (const [name, beside] of Object.entries({ nq, tsp, bullmq })) found[name].push({ value, beside });
      say(
        `${n + 1} of ${repetitions}: ${value.toFixed(0)}/s, Maildir ${before.toFixed(0)} and ${after.toFixed(0)}/s, nq ${nq.toFixed(0)}/s, task-spooler ${tsp.toFixed(0)}/s, BullMQ ${bullmq.toFixed(0)}/s`,
      );
    }
  } finally {
    await ours.close();
    await redis.stop();
  }
  const name = 'send → complete, 8 at a time';
  const unit = '/s';
  const faster = /** @type {const} */ ({ of: 'ratio', is: 'more than', limit: 1 });
  return [
    compare({
      name,
      unit,
      beside: 'bare Maildir loop',
      pairs: found.maildir,
      target: { of: 'ratio', is: 'at least', limit: 0.5 },
    }),
    compare({ name, unit, beside: 'nq', pairs: found.nq, target: faster }),
    compare({ name, unit, beside: 'task-spooler', pairs: found.tsp, target: faster }),
    compare({ name, unit, beside: 'BullMQ, fsync always', pairs: found.bullmq }),
  ];
}

/** The sender learns of an end as anyone can: it watches `complete/`. The daemon tells it nothing. */
async function openOurs(root, nodeArgs) {
  makeRoot(root, { limits: { concurrency: 8, host_concurrency: 8 } });
  const waiting = new Map();
  const ended = new Set();
  const daemon = await startDaemonProcess(root, { nodeArgs, events: [] });
  const watcher = watch(folder(root, 'server', 'complete'), (_event, name) => {
    if (name === null || name.startsWith('.')) return;
    if (waiting.has(name)) waiting.get(name)();
    else ended.add(name);
    waiting.delete(name);
  });
  const desk = await openMailboxes(root);
  let sent = 0;
  return {
    async pass() {
      // A subject of its own: of two equal file names the second would end under another one.
      const fields = { from: 'laptop', subject: `Scrape latest RSS feeds ${sent++}` };
      const { place } = await desk.send({ to: 'server', text: TEXT, fields });
      if (ended.delete(place.name)) return;
      await new Promise((resolve) => waiting.set(place.name, resolve));
    },
    async close() {
      watcher.close();
      await desk.close();
      await daemon.stop();
    },
  };
}
