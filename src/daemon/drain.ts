import type { RunningTask } from './run-task.js';

/**
 * Waits `grace` ms for running tasks, or until `hurry` fires, then stops what is left: those are handed back. Settles
 * when each has its end.
 */
export async function drain(running: () => RunningTask[], grace: number, hurry: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, hurry.aborted ? 0 : grace);
    hurry.addEventListener('abort', () => resolve());
  });
  await Promise.race([Promise.all(running().map((task) => task.done)), limit]);
  clearTimeout(timer);
  const left = running();
  for (const task of left) task.stop('drain');
  await Promise.all(left.map((task) => task.done));
}
