/**
 * Who may write the index. Each candidate puts up a file of its own, `index.lock.<process>.<nonce>`, and then looks
 * around: whoever sees no other living candidate holds the index. Of two, the later one always sees the earlier, so
 * there are never two holders, and the files of the dead can be removed by anyone without a race. Two that begin in the
 * same moment both step back and try again.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCode } from '../core/errors.js';

export interface Identity {
  /** `<pid>.<start time>` of this process. */
  process: string;
  /** Whether exactly that process still lives. */
  isAlive(process: string): boolean;
}

export interface Lock {
  /** Whether the file is still there: somebody may have removed the folder. */
  isUp(): boolean;
  release(): void;
}

const TRIES = 6;

/** The lock, or undefined while another living process has it. */
export async function acquireLock(dir: string, identity: Identity): Promise<Lock | undefined> {
  mkdirSync(dir, { recursive: true });
  for (let round = 0; round < TRIES; round++) {
    if (round > 0) await sleep(randomInt(2, 4 + 8 * round));
    if (hasRival(dir, identity, undefined)) continue;
    const name = `${PREFIX}${identity.process}.${randomBytes(4).toString('hex')}`;
    const path = join(dir, name);
    writeFileSync(path, '', { flag: 'wx', mode: 0o600 });
    if (!hasRival(dir, identity, name))
      return { isUp: () => existsSync(path), release: () => rmSync(path, { force: true }) };
    rmSync(path, { force: true });
  }
  return undefined;
}

const PREFIX = 'index.lock.';

function hasRival(dir: string, identity: Identity, own: string | undefined): boolean {
  let rival = false;
  for (const name of readdirSync(dir)) {
    if (!name.startsWith(PREFIX) || name === own) continue;
    const holder = name.slice(PREFIX.length, name.lastIndexOf('.'));
    if (identity.isAlive(holder)) rival = true;
    else rmSync(join(dir, name), { force: true });
  }
  return rival;
}

/** Start times from /proc; elsewhere the pid alone, and a later process with the same number passes for it. */
export const OWN_IDENTITY: Identity = {
  process: processOf(process.pid) ?? String(process.pid),
  isAlive: (id) => processOf(Number.parseInt(id, 10)) === id,
};

function processOf(pid: number): string | undefined {
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (systemCode(error) !== 'EPERM') return undefined;
  }
  if (process.platform !== 'linux') return String(pid);
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name may hold spaces and brackets; what follows its last bracket begins with field 3, the state.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : `${pid}.${fields[19]}`;
  } catch {
    return undefined;
  }
}
