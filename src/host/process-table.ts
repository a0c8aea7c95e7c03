/**
 * The host's processes, as far as finding what a run left behind needs them. Linux reads /proc, macOS asks `ps`;
 * elsewhere the table is empty, and only what was started directly can be ended.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessEntry {
  pid: number;
  parent: number;
  group: number;
  /** Ended, and waiting for its parent to notice: no signal does anything to it. */
  zombie: boolean;
  /** When it started, in the platform's own count (Linux: ticks since boot; macOS: seconds since 1970). */
  start: string;
}

/** Every process this user may see. */
export function listProcesses(): ProcessEntry[] {
  if (process.platform === 'linux') {
    return numbersIn('/proc').flatMap((pid) => readStat(pid) ?? []);
  }
  if (process.platform === 'darwin') return parsePs(ps(['-ax', ...PS_COLUMNS]));
  return [];
}

/** One process, or undefined when there is none of that number or the platform cannot tell. */
export function readProcess(pid: number): ProcessEntry | undefined {
  if (process.platform === 'linux') return readStat(pid);
  if (process.platform === 'darwin') return parsePs(ps(['-p', String(pid), ...PS_COLUMNS]))[0];
  return undefined;
}

/** The entries of a directory that are numbers; none when it cannot be read. */
export function numbersIn(directory: string): number[] {
  try {
    return readdirSync(directory)
      .map(Number)
      .filter((n) => Number.isInteger(n) && n > 0);
  } catch {
    return [];
  }
}

/** proc(5): the name may hold spaces and brackets, so fields are counted from the last `)`. */
function readStat(pid: number): ProcessEntry | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined; // it ended
  }
  const [state, parent, group, ...rest] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const start = rest[16]; // field 22
  if (start === undefined) return undefined;
  return { pid, parent: Number(parent), group: Number(group), zombie: state === 'Z' || state === 'X', start };
}

const PS_COLUMNS = ['-ww', '-o', 'pid=,ppid=,pgid=,stat=,lstart='];

/** Output of `ps`, empty when it fails: `ps -p` exits 1 for a process that is gone. */
export function ps(args: string[]): string {
  try {
    return execFileSync('ps', args, {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] ?? '/bin:/usr/bin', LC_ALL: 'C', TZ: 'UTC0' },
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 64 * 1024 * 1024,
      timeout: 10_000,
    });
  } catch {
    return '';
  }
}

/** Lines of `pid ppid pgid stat lstart`, as `ps` prints them in the C locale and UTC. */
export function parsePs(text: string): ProcessEntry[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.+?)\s*$/.exec(line);
    if (!match) return [];
    const [, pid, parent, group, state = '', started = ''] = match;
    const seconds = Date.parse(`${started} UTC`) / 1_000;
    const start = Number.isFinite(seconds) ? String(seconds) : started.replace(/\s+/g, '-');
    return [{ pid: Number(pid), parent: Number(parent), group: Number(group), zombie: state.startsWith('Z'), start }];
  });
}
