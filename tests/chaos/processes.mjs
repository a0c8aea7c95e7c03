/** Processes as /proc shows them: what belongs to a daemon, and what works in a folder. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** @returns {{ pid: number, parent: number, command: string, cwd: string }[]} */
export function listProcesses() {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (state === 'Z') return [];
      const command = readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
      return [{ pid: Number(name), parent: Number(parent), command, cwd: readlinkSync(`/proc/${name}/cwd`) }];
    } catch {
      return []; // it has ended
    }
  });
}

/** Everything that `pid` started, and what that started. @param {number} pid */
export function descendants(pid) {
  const all = listProcesses();
  const found = all.filter(({ parent }) => parent === pid);
  for (const { pid: child } of found) found.push(...all.filter(({ parent }) => parent === child));
  return found;
}

/** @param {number} pid @param {NodeJS.Signals} signal @returns whether it was still there */
export function signalQuietly(pid, signal) {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}
