/**
 * Is a dropped file complete? Our own tools and every careful program deliver by rename or link, which leaves the
 * file's ctime later than its mtime: such a file is whole. Another may still be written to, slowly. On Linux the
 * open files of this user's processes are looked through for a writer; elsewhere, and for files of other users, the
 * file must have rested for the settle time.
 */
import { readdirSync, readFileSync, statSync, type BigIntStats } from 'node:fs';

/** Rest that a closed file needs, ms: a script that opens it again and again is seldom slower. */
const QUIET = 50;
/** How long an empty file may be about to be written, ms. */
const BEGIN = 5_000;

export interface Readiness {
  ready: boolean;
  /** Look again after this many ms (when not ready); undefined: not without a bell. */
  again: number | undefined;
}

/** Inodes (`<dev>:<ino>`) that some process of this user holds open for writing; undefined where that cannot be seen. */
export function inodesBeingWritten(): Set<string> | undefined {
  if (process.platform !== 'linux') return undefined;
  const found = new Set<string>();
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    let descriptors: string[];
    try {
      descriptors = readdirSync(`/proc/${pid}/fd`);
    } catch {
      continue; // gone, or another user's
    }
    for (const fd of descriptors) {
      try {
        const stat = statSync(`/proc/${pid}/fd/${fd}`, { bigint: true });
        if (!stat.isFile()) continue;
        const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1'))?.[1];
        if (flags !== undefined && (Number.parseInt(flags, 8) & 3) !== 0) found.add(`${stat.dev}:${stat.ino}`);
      } catch {
        // closed meanwhile
      }
    }
  }
  return found;
}

/**
 * Whether a file of this stat can be claimed now (ms since 1970). `writers` is called only where the times do not
 * tell; `settle` is in ms. An empty file is never ready: its writer has not begun.
 */
export function judgeReady(
  stat: BigIntStats,
  now: number,
  settle: number,
  writers: () => Set<string> | undefined,
): Readiness {
  // Its first byte rings; only a file that has just appeared is looked at again without a bell.
  if (stat.size === 0n)
    return { ready: false, again: Math.abs(now - Number(stat.ctimeMs)) < BEGIN ? 1_000 : undefined };
  if (stat.ctimeNs > stat.mtimeNs) return { ready: true, again: 0 };
  const age = now - Number(stat.mtimeMs);
  const mine = process.getuid !== undefined && stat.uid === BigInt(process.getuid());
  const rest = mine && process.platform === 'linux' ? QUIET : settle;
  // A time in the future comes from another clock and says nothing about rest.
  if (age >= 0 && age < rest) return { ready: false, again: Math.max(5, Math.ceil(rest - age)) };
  const open = writers();
  if (open?.has(`${stat.dev}:${stat.ino}`)) return { ready: false, again: 100 };
  return { ready: true, again: 0 };
}
