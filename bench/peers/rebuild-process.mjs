// Builds the index of a root that has none, then writes it whole, and says how long the loop was held meanwhile.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { openMailboxes } from '../../dist/mailbox/open.js';

const desk = await openMailboxes(process.argv[2] ?? '', { mode: 'write' });
const started = performance.now();
await desk.sync();
const seconds = (performance.now() - started) / 1_000;

async function watchLoop(during) {
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  await sleep(20);
  loop.reset();
  await during();
  loop.disable();
  return { p99: loop.percentile(99) / 1e6 - 1, max: loop.max / 1e6 - 1 };
}

let took = 0;
const writing = await watchLoop(async () => {
  const begun = performance.now();
  await desk.catalog.settled();
  took = performance.now() - begun;
});
const idle = await watchLoop(() => sleep(Math.max(200, took)));
const messages = desk.catalog.size;
await desk.close();
process.stdout.write(JSON.stringify({ seconds, messages, writing, idle, took }));
