/**
 * A real daemon as a process of its own, that tells its parent what happens and answers questions about itself.
 * `node daemon-process.mjs <root> [event …]`, forked. Times are ms since 1970 with their fraction.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { startDaemon } from '../../dist/daemon/daemon.js';

const [root = '', ...events] = process.argv.slice(2);
const now = () => performance.timeOrigin + performance.now();
const TOLD = new Set(['refused', 'trouble', 'parked', ...events]);

/** @type {unknown[]} */
let told = [];
/** @type {NodeJS.Immediate | undefined} */
let telling;
const tell = (event) => {
  if (!TOLD.has(event.type)) return;
  const { type, id, place, message, parked } = event;
  const text = type === 'output' ? event.text.slice(0, 200) : undefined;
  told.push({ type, id, name: place?.name, at: now(), message: message ?? parked?.message, text });
  telling ??= setImmediate(() => {
    telling = undefined;
    process.send?.({ events: told });
    told = [];
  });
};

const started = performance.now();
const daemon = await startDaemon({ root, onEvent: tell });
/** Asks the loop a thousand times a second once it is enabled, which would show as work at rest. */
const loop = monitorEventLoopDelay({ resolution: 1 });

/** @type {Record<string, (argument: number) => unknown>} */
const QUESTIONS = {
  startMs: () => performance.now() - started,
  resident() {
    globalThis.gc?.();
    return process.memoryUsage().rss / 1e6;
  },
  cpu: () => process.cpuUsage(),
  size: () => daemon.desk.catalog.size,
  loopReset() {
    loop.enable();
    loop.reset();
  },
  /** The histogram counts its own resolution as delay. */
  loop: () => ({ p50: loop.percentile(50) / 1e6 - 1, p99: loop.percentile(99) / 1e6 - 1, max: loop.max / 1e6 - 1 }),
  /** Holds the event loop, as a slow disk or a suspended machine does; says so when it begins. */
  stall: (ms) =>
    new Promise((resolve) => {
      process.send?.({ events: [{ type: 'stalling', at: now() }] }, () => {
        const until = performance.now() + ms;
        while (performance.now() < until);
        resolve(ms);
      });
    }),
  async stop() {
    await daemon.stop(0);
    setImmediate(() => process.disconnect?.());
  },
};

process.on('message', async ({ n, question, argument }) => {
  const answer = await QUESTIONS[question]?.(argument);
  process.send?.({ n, answer });
});
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: performance.now() - started });
