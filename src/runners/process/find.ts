/** Which processes belong to a run: those that carry its tag, those in its group, and what descends from either. */
import { readFileSync } from 'node:fs';
import { isAlive, pidOf } from '../../host/process-id.js';
import { listProcesses, numbersIn, ps } from '../../host/process-table.js';

/** Stands in the environment of every process of a run, with the run's session as its value. */
export const RUN_TAG = 'MAILBOXD_RUN';

/**
 * Processes of this user whose environment holds `MAILBOXD_RUN=<session>`; never this process. Empty where
 * environments cannot be read (Windows). A program that overwrites its environment, or was started with an empty
 * one, is not found here, but by its group or its parent in `findRun`.
 */
export function findTagged(session: string): number[] {
  if (session === '') return [];
  if (process.platform === 'linux') return numbersIn('/proc').filter((pid) => carries(pid, session));
  if (process.platform === 'darwin') {
    return ps(['-Eaxww', '-o', 'pid=,command='])
      .split('\n')
      .filter((line) => ` ${line} `.includes(` ${RUN_TAG}=${session} `))
      .map((line) => Number.parseInt(line, 10))
      .filter((pid) => pid > 1 && pid !== process.pid);
  }
  return [];
}

/**
 * Whether the process `pid`, which has ended, left one behind with its tag. Looks only at younger processes, by their
 * higher numbers (all, when numbers began anew): a listing and a few small reads, 0.1 ms where few are younger.
 * Linux only; false elsewhere.
 */
export function leftTagged(session: string, pid: number): boolean {
  if (process.platform !== 'linux' || session === '') return false;
  const wrapped = newestPid() < pid;
  return numbersIn('/proc').some((other) => (wrapped || other > pid) && carries(other, session));
}

/** What `root` says of the process a run began with: a child of this process, or an id of `processId` read from disk. */
export type RunRoot = number | string | undefined;

/**
 * All living processes of a run. Pid 1, this process and what is not tagged, in the root's group or descended from
 * one of those are never in it. A number is trusted, since it was our own child a moment ago; an id counts only
 * while that very process lives (its tagged children are found without it).
 */
export function findRun(session: string, root: RunRoot): number[] {
  const table = listProcesses();
  const mine = new Set(findTagged(session));
  const rootPid = typeof root === 'string' ? (isAlive(root) ? pidOf(root) : undefined) : root;
  if (rootPid !== undefined && rootPid > 1) {
    const leader = table.find((entry) => entry.pid === rootPid);
    // The number may have gone to a stranger since: ours is our child, tagged, or proven by its start time.
    const ours = !leader || typeof root === 'string' || leader.parent === process.pid || mine.has(rootPid);
    if (ours) for (const entry of table) if (entry.group === rootPid) mine.add(entry.pid);
    if (table.length === 0) mine.add(rootPid);
  }
  const adopt = (): number => {
    const before = mine.size;
    for (const entry of table) if (mine.has(entry.parent)) mine.add(entry.pid);
    return mine.size - before;
  };
  while (mine.size > 0 && adopt() > 0);
  for (const entry of table) if (entry.zombie) mine.delete(entry.pid);
  mine.delete(process.pid);
  mine.delete(1);
  return [...mine];
}

function carries(pid: number, session: string): boolean {
  if (pid <= 1 || pid === process.pid) return false;
  try {
    const environment = readFileSync(`/proc/${pid}/environ`);
    return (
      environment.includes(RUN_TAG) && `\0${environment.toString('latin1')}\0`.includes(`\0${RUN_TAG}=${session}\0`)
    );
  } catch {
    return false; // it ended, or is another user's
  }
}

/** The number given out last; 0 when it cannot be read, which makes the caller look at every process. */
function newestPid(): number {
  try {
    return Number(readFileSync('/proc/loadavg', 'latin1').trim().split(' ').at(-1)) || 0;
  } catch {
    return 0;
  }
}
