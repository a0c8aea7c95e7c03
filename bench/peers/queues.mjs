/** Debian's two queues for the shell, each running `true`. */
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { rateOf } from '../support/at-once.mjs';

const run = promisify(execFile);

/**
 * Jobs a second through nq, which runs one after the other: 8 at a time hand them in, then all are waited for.
 * @param {string} dir
 * @param {number} count
 */
export async function rateOfNq(dir, count) {
  mkdirSync(dir, { recursive: true });
  const env = { ...process.env, NQDIR: dir };
  return whole(
    count,
    () => run('nq', ['-q', 'true'], { env }),
    () => run('nq', ['-w', '-q'], { env }),
  );
}

/**
 * Jobs a second through task-spooler with 8 slots.
 * @param {string} dir
 * @param {number} count
 */
export async function rateOfTaskSpooler(dir, count) {
  mkdirSync(dir, { recursive: true });
  const env = { ...process.env, TS_SOCKET: `${dir}/socket`, TMPDIR: dir, TS_MAXFINISHED: '10' };
  await run('tsp', ['-S', '8'], { env });
  try {
    return await whole(
      count,
      () => run('tsp', ['-n', 'true'], { env }),
      () => run('tsp', ['-w'], { env }),
    );
  } finally {
    await run('tsp', ['-K'], { env });
  }
}

async function whole(count, submit, wait) {
  const started = performance.now();
  await rateOf(count, 8, submit);
  await wait();
  return (count / (performance.now() - started)) * 1_000;
}
