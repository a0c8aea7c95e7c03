/**
 * A task through the `command` runner, from its rename into the inbox to the `complete` it ends in, beside a bare spawn of
 * the same child with the same text on stdin, read to its end. The child is a small Node program, as the least that a
 * model's CLI would be.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startDaemonProcess } from '../support/daemon-child.mjs';
import { compare, median } from '../support/figures.mjs';
import { folder, makeRoot } from '../support/place.mjs';
import { until } from '../support/until.mjs';

const child = fileURLToPath(new URL('../peers/echo-process.mjs', import.meta.url));
const TEXT = 'Say hello.\n';

/** @param {import('./index.mjs').RowContext} context */
export async function measureCommand({ dir, quick, say }) {
  const repetitions = quick ? 3 : 5;
  const count = quick ? 10 : 30;
  const argv = [process.execPath, child];
  const root = makeRoot(join(dir, 'root'), { runner: 'command', runners: { command: { argv } } });
  const prepared = join(root, 'prepared');
  mkdirSync(prepared);
  // Long before they are renamed: a file that was written in the same moment might still be written to.
  for (let n = 0; n < repetitions + 1; n += 1) {
    for (let k = 0; k < count; k += 1) writeFileSync(join(prepared, `${n}-${k}.md`), TEXT);
  }
  const ended = new Map();
  const daemon = await startDaemonProcess(root, {
    onEvent: ({ type, name, at }) => type === 'finished' && ended.set(name, at),
  });
  const pairs = [];
  for (let n = 0; n < repetitions + 1; n += 1) {
    const ours = [];
    const bare = [];
    for (let k = 0; k < count; k += 1) {
      const name = `${n}-${k}.md`;
      const start = performance.timeOrigin + performance.now();
      renameSync(join(prepared, name), join(folder(root, 'server', 'inbox'), name));
      await until(() => ended.has(name), 30_000, `the end of ${name}`);
      ours.push(ended.get(name) - start);
      bare.push(await spawnBare(argv));
    }
    if (n === 0) continue; // warms both sides
    pairs.push({ value: median(ours), beside: median(bare) });
    say(`${n} of ${repetitions}: ${median(ours).toFixed(1)} ms, bare ${median(bare).toFixed(1)} ms`);
  }
  await daemon.stop();
  const target = { of: 'ratio', is: 'at most', limit: 1.6 };
  return [compare({ name: 'a task through `command`', unit: 'ms', beside: 'bare spawn', pairs, target })];
}

function spawnBare([program, ...args]) {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const bare = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let text = '';
    bare.stdout.on('data', (chunk) => (text += chunk));
    bare.once('close', (code) => {
      if (code === 0 && text !== '') resolve(performance.now() - started);
      else reject(new Error(`the bare child ended with ${code}`));
    });
    bare.stdin.end(TEXT);
  });
}
