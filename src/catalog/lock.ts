/**
 * Who may write the index. Each candidate puts up a file of its own, `index.lock.<process>.<nonce>`, and then looks
 * around: whoever sees no other living candidate holds the index. Of two, the later one always sees the earlier, so
 * there are never two holders, and the files of the dead can be removed by anyone without a race. Two that begin in the
 * same moment both step back and try again.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, ownProcess } from '../host/process-id.js';

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

export const OWN_IDENTITY: Identity = { process: ownProcess(), isAlive };
