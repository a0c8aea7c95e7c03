import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';

/**
 * A shell that lives until its input ends, which it does when `release()` is called or this process dies, however it
 * dies: the way to leave nothing behind that only the system knows of. The script reads its input where it waits
 * (`cat >/dev/null`) and then cleans up. It is out of reach of a Ctrl-C meant for the tests.
 */
export interface Guard {
  child: ChildProcess;
  /** Lets the script clean up, and resolves when it has; again does no harm. */
  release(): Promise<void>;
}

export function startGuard(script: string, args: readonly string[], env: NodeJS.ProcessEnv): Guard {
  const child = spawn('sh', ['-c', script, 'guard', ...args], {
    env,
    cwd: '/',
    stdio: ['pipe', 'ignore', 'pipe'],
    detached: true,
  });
  const gone = once(child, 'close');
  gone.catch(() => undefined);
  child.stdin?.on('error', () => undefined);
  const release = async (): Promise<void> => {
    child.stdin?.end();
    child.stderr?.resume();
    await gone;
  };
  return { child, release };
}

/** Processes below this one, those nearest first; without it. */
export function findDescendants(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    const parent = parentOf(entry);
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const found = [...(children.get(pid) ?? [])];
  for (const next of found) found.push(...(children.get(next) ?? []));
  return found;
}

function parentOf(entry: string): number | undefined {
  if (!/^\d+$/.test(entry)) return undefined;
  try {
    const stat = readFileSync(`/proc/${entry}/stat`, 'latin1');
    // The name is in parentheses and may hold anything, spaces and parentheses too.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined; // it ended while we looked
  }
}
