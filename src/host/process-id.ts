/** Names for processes that stay true when the system gives a number to another process. */
import { readProcess } from './process-table.js';

/**
 * `<pid>.<start time>` of a living process, else undefined. Where the start time cannot be read (Windows) it is the
 * pid alone, and a later process with the same number passes for it.
 */
export function processId(pid: number): string | undefined {
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  const entry = readProcess(pid);
  if (entry) return entry.zombie ? undefined : `${pid}.${entry.start}`;
  return canTell() || !exists(pid) ? undefined : String(pid);
}

/** Whether exactly the process that `processId` named is still there, and not as a zombie. */
export function isAlive(id: string): boolean {
  const match = /^(\d{1,10})(?:\.(.+))?$/.exec(id);
  return match !== null && processId(Number(match[1])) === id;
}

/** The number in an id of `processId`. */
export function pidOf(id: string): number {
  return Number.parseInt(id, 10);
}

function canTell(): boolean {
  return process.platform === 'linux' || process.platform === 'darwin';
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const own = processId(process.pid) ?? String(process.pid);

/** The id of this process. */
export function ownProcess(): string {
  return own;
}
