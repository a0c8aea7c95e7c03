/**
 * The fault campaign: daemons are killed at named steps, over and over, while another process drops files, moves and
 * deletes them; then a last daemon works off what is there and everything is looked at (judge.mjs).
 * Lanes are roots of their own that run side by side. The seed fixes the order of steps and what is dropped; what
 * coincides with what is up to the machine.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { judgeRoot } from './judge.mjs';
import { createRandom } from './random.mjs';
import { listAll, makeRoot, SERVED } from './root.mjs';

/** The steps the campaign must hit, by the names of src/store/fault-points.ts. */
export const STEPS = [
  'delivered',
  'claimed',
  'session written',
  'mid-append',
  'result written',
  'before the move',
  'after the move',
];
/** Two more places worth dying at. */
export const MORE_STEPS = ['held', 'ended'];

/** How long a daemon may live before it counts as one that never came to its step, ms. */
const LIFE = 6_000;
/** How long the last daemon may take to work off what is left, ms. */
const REST = 30_000;

/**
 * @param {{ dir: string, seed: number, kills: number, lanes: number, reverse?: string, log?: (line: string) => void }} options
 *   `kills`: for each of STEPS; each of MORE_STEPS gets a fifth of it.
 */
export async function runCampaign({ dir, seed, kills, lanes, reverse, log = () => undefined }) {
  const plan = [
    ...STEPS.flatMap((step) => Array(kills).fill(step)),
    ...MORE_STEPS.flatMap((step) => Array(Math.ceil(kills / 5)).fill(step)),
  ];
  const todo = createRandom(seed).shuffle(plan);
  /** @type {any} */
  const histogram = Object.fromEntries([...STEPS, ...MORE_STEPS, 'elsewhere'].map((step) => [step, 0]));
  const total = { violations: /** @type {string[]} */ ([]), messages: 0, moved: 0, replies: 0, seconds: 0 };
  const start = performance.now();
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      const root = join(dir, `lane-${lane}`);
      mkdirSync(root, { recursive: true });
      makeRoot(root);
      const random = createRandom(seed * 1_000 + lane);
      const dropper = spawnNode('dropper.mjs', [root, String(seed * 100 + lane)], {});
      for (let step = todo.pop(); step !== undefined; step = todo.pop()) {
        const fault = {
          MAILBOXD_FAULT: `${step}:${1 + random.below(2)}`,
          ...(reverse && { MAILBOXD_FAULT_REVERSE: reverse }),
        };
        const daemon = spawnNode('daemon.mjs', [root], fault);
        const limit = setTimeout(() => daemon.child.kill('SIGKILL'), LIFE);
        const end = await daemon.ended;
        const isHit = daemon.child.exitCode === null && !daemon.child.killed;
        clearTimeout(limit);
        if (isHit) histogram[step] += 1;
        else histogram.elsewhere += 1;
        // A life that never came to its step is one more crash, but the step is still due; a daemon never ends itself.
        if (!isHit && daemon.child.killed && histogram.elsewhere < plan.length) todo.unshift(step);
        if (end.code !== null)
          total.violations.push(
            `lane ${lane}: the daemon ended by itself with ${end.code}: ${end.stderr.slice(-2_000)}`,
          );
        log(`lane ${lane}: ${fault.MAILBOXD_FAULT}${isHit ? '' : ' was not reached'}`);
      }
      dropper.child.kill('SIGTERM');
      const dropped = await dropper.ended;
      if (dropped.code !== 0)
        total.violations.push(`lane ${lane}: the dropper ended with ${dropped.code}: ${dropped.stderr.slice(-2_000)}`);
      await workOff(root, total.violations);
      const found = await judgeRoot(root);
      total.violations.push(...found.violations.map((text) => `lane ${lane}: ${text}`));
      for (const key of ['messages', 'moved', 'replies']) total[key] += found[key];
    }),
  );
  total.seconds = (performance.now() - start) / 1_000;
  return { seed, histogram, kills: Object.values(histogram).reduce((a, b) => a + b, 0), ...total };
}

/** A last daemon, without faults, until nothing waits or runs; then it is told to end. */
async function workOff(root, violations) {
  const daemon = spawnNode('daemon.mjs', [root], {});
  const deadline = performance.now() + REST;
  const isIdle = () =>
    listAll(root).every(
      ({ mailbox, state, name }) =>
        !SERVED.includes(mailbox) ||
        (state !== 'in_progress' && !name.startsWith('.') && (state !== 'inbox' || name.startsWith('chat'))),
    );
  while (!isIdle() && performance.now() < deadline && daemon.child.exitCode === null) await sleep(100);
  daemon.child.kill('SIGTERM');
  const limit = setTimeout(() => daemon.child.kill('SIGKILL'), 10_000);
  const end = await daemon.ended;
  clearTimeout(limit);
  if (end.code !== 0)
    violations.push(`the last daemon of ${root} ended with ${end.code ?? end.signal}: ${end.stderr.slice(-2_000)}`);
}

export function spawnNode(file, args, environment) {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], {
    env: { PATH: process.env.PATH, HOME: args[0], CLAUDE_MOCK_TEST: '1', ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (data) => (stderr += data));
  const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, stderr })));
  return { child, ended };
}

/** The events that the daemons of a root told. */
export function readEvents(root) {
  if (!readdirSync(root).includes('events.ndjson')) return [];
  return readFileSync(join(root, 'events.ndjson'), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

/** The result in lines for people. */
export function describe(result) {
  const rows = Object.entries(result.histogram).map(([step, count]) => `${step} ${count}`);
  return [
    `fault campaign: seed ${result.seed}, ${result.kills} kills in ${result.seconds.toFixed(0)} s, ${result.messages} messages dropped, ${result.moved} moved by hand, ${result.replies} replies, ${result.violations.length} violations`,
    `  killed at: ${rows.join(', ')}`,
  ];
}
