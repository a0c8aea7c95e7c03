import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { findRun, type RunRoot } from './find.js';

/** How long a process may take to go after SIGKILL, ms: it can hang in the kernel, and then nobody can end it. */
const KILL_LIMIT = 3_000;

/**
 * Ends every process of a run: SIGTERM to all, up to `grace` ms of patience, then SIGKILL until none is left. Looks
 * again at each step, so that what is started meanwhile ends as well. Resolves with the number still there, 0 but
 * for processes that the kernel or their owner keeps from us. Never rejects.
 * @param root the child that leads the run's process group (its pid), or an id of `processId` from an earlier daemon
 */
export async function endProcesses(session: string, root: RunRoot, options: { grace: number }): Promise<number> {
  let left = signalAll(session, root, 'SIGTERM');
  left = await waitForNone(session, root, left, options.grace);
  const deadline = performance.now() + KILL_LIMIT;
  while (left > 0 && performance.now() < deadline) {
    left = signalAll(session, root, 'SIGKILL');
    left = await waitForNone(session, root, left, 200);
  }
  return left;
}

function signalAll(session: string, root: RunRoot, signal: NodeJS.Signals): number {
  const found = findRun(session, root);
  for (const pid of found) endOne(pid, signal);
  return found.length;
}

async function waitForNone(session: string, root: RunRoot, count: number, limit: number): Promise<number> {
  const deadline = performance.now() + limit;
  let left = count;
  for (let pause = 5; left > 0 && performance.now() < deadline; pause = Math.min(pause * 2, 100)) {
    await sleep(Math.max(1, Math.min(pause, deadline - performance.now())));
    left = findRun(session, root).filter(isThere).length;
  }
  return left;
}

function endOne(pid: number, signal: NodeJS.Signals): void {
  try {
    // Windows has neither groups nor tags: taskkill takes the tree, as far as parents still live.
    if (process.platform === 'win32') execFileSync('taskkill', ['/pid', String(pid), '/T', '/F'], { stdio: 'ignore' });
    else process.kill(pid, signal);
  } catch {
    // It ended by itself, or is not ours to end: the caller counts what is left.
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
