/** What the tasks did to the world, from the logs that task.sh wrote: who ran what, from when to when. */
import { existsSync, readFileSync } from 'node:fs';

/** @typedef {{ id: string, epoch: number, host: string, pid: string, from: number, to: number, isEnded: boolean }} Run */

/** @param {string[]} paths @returns {Run[]} */
export function readRuns(paths) {
  /** @type {Map<string, Run>} */
  const runs = new Map();
  for (const path of paths) {
    if (!existsSync(path)) continue;
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      const [what, id, epoch, host, at, pid] = line.split(' ');
      if (pid === undefined || id === undefined || host === undefined) continue;
      const key = `${host} ${pid} ${id} ${epoch}`;
      const time = Number(at);
      const known = runs.get(key);
      const run = known ?? { id, epoch: Number(epoch), host, pid, from: time, to: time, isEnded: false };
      run.to = time;
      run.isEnded ||= what === 'end';
      runs.set(key, run);
    }
  }
  return [...runs.values()];
}

/**
 * Runs of one message that were under way at the same time: `[earlier, later]`.
 * @param {Run[]} runs @returns {[Run, Run][]}
 */
export function overlaps(runs) {
  /** @type {Map<string, Run[]>} */
  const byId = new Map();
  for (const run of runs) byId.set(run.id, [...(byId.get(run.id) ?? []), run]);
  return [...byId.values()].flatMap((all) => {
    const sorted = [...all].sort((one, other) => one.from - other.from);
    return sorted.flatMap((run, at) =>
      sorted.slice(at + 1).flatMap((later) => (later.from < run.to ? [/** @type {[Run, Run]} */ ([run, later])] : [])),
    );
  });
}
