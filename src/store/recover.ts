/**
 * After a crash: what hidden names in a mailbox's folders mean, and the one way each goes on. Runs at every start and
 * now and then after; files of processes that live are left alone.
 */
import { lstatSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../core/errors.js';
import { renamedFor } from '../core/names.js';
import { STATES, type Place, type State } from '../core/message.js';
import { releaseHeld } from './claim.js';
import { linkUnique, removeQuietly, stampOf } from './durable.js';
import { HELD_PREFIX, hiddenName, inUse, parseHeld, parseSuccessor, parseTaken } from './hidden.js';
import { listHidden, listState, statMessage } from './list.js';
import { stateDir } from './paths.js';

export interface RecoveryFacts {
  /** Whether the process that made a hidden name still lives. */
  isAlive(who: string): boolean;
  /** Whether a message carries this take in its claim: in `in_progress/`, or under this name anywhere. */
  hasTake(take: string, name: string): boolean;
  /** This process, by the name it has in hidden names. */
  own: string;
}

/** What was done, for the log: one entry a file. */
export interface Recovered {
  what: 'returned' | 'restored' | 'removed' | 'late edit';
  place: Place;
}

const TEMP_AGE_MS = 3_600_000;

export function recoverHidden(root: string, mailbox: string, facts: RecoveryFacts, now: number): Recovered[] {
  const done: Recovered[] = [];
  const entries = STATES.flatMap((state) => listHidden(root, mailbox, state).map((name) => ({ mailbox, state, name })));
  const isHeld = (entry: Place): boolean => entry.name.startsWith(HELD_PREFIX);
  // Held originals last: the message that one belongs to may still be under a hidden name itself.
  for (const entry of [...entries.filter((each) => !isHeld(each)), ...entries.filter(isHeld)]) {
    const result = recoverOne(root, entry, facts, now);
    if (result) done.push(result);
  }
  return done;
}

function recoverOne(root: string, at: Place, facts: RecoveryFacts, now: number): Recovered | undefined {
  const dir = stateDir(root, at.mailbox, at.state);
  const path = join(dir, at.name);
  // Whatever else bears such a name, the store did not make it.
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
  const bring = (state: State, name: string, what: Recovered['what']): Recovered => {
    const placed = linkUnique(path, stateDir(root, at.mailbox, state), name);
    removeQuietly(path);
    return { what, place: { mailbox: at.mailbox, state, name: placed } };
  };
  const drop = (): Recovered => {
    removeQuietly(path);
    return { what: 'removed', place: at };
  };

  const taken = parseTaken(at.name);
  if (taken) {
    if (facts.isAlive(taken.who) && (taken.who !== facts.own || inUse.has(path))) return undefined;
    const stamp = stampOf(path);
    if (!stamp) return undefined;
    // It was linked to its place, and died before this name went.
    if (isVisible(root, at.mailbox, stamp.ino)) return drop();
    if (taken.kind === 'claim') {
      if (!facts.hasTake(taken.take, taken.name)) return bring('inbox', taken.name, 'returned');
      // Its claim was written: from now on it is the held original of that.
      const held = `${HELD_PREFIX}${taken.take}~${stamp.size}~${stamp.mtimeNs}~`;
      renameSync(path, join(dir, hiddenName(held, taken.name)));
      return undefined;
    }
    const successor = parseSuccessor(taken.take);
    if (successor && isVisible(root, at.mailbox, successor.ino)) {
      const isUntouched = successor.size === stamp.size && successor.mtimeNs === stamp.mtimeNs;
      return isUntouched ? drop() : bring('inbox', renamedFor(taken.name, 'late'), 'late edit');
    }
    return taken.kind === 'end' ? bring('inbox', taken.name, 'returned') : bring(at.state, taken.name, 'restored');
  }
  const held = parseHeld(at.name);
  if (held) {
    if (facts.hasTake(held.take, held.name)) return undefined;
    const late = releaseHeld(root, at.mailbox, held.take, held.name);
    return late ? { what: 'late edit', place: late } : { what: 'removed', place: at };
  }
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat && (isOrphan(at.name) || now - stat.mtimeMs > TEMP_AGE_MS) ? drop() : undefined;
}

/** Whether a message of this mailbox is the file with this inode, in whatever folder and by whatever name. */
function isVisible(root: string, mailbox: string, ino: bigint): boolean {
  return STATES.some((state) =>
    listState(root, mailbox, state).some((name) => statMessage(root, { mailbox, state, name })?.ino === ino),
  );
}

/** Whether the writer of a temporary file is gone. */
function isOrphan(name: string): boolean {
  const pid = Number(/^\.tmp~(\d+)~/.exec(name)?.[1]);
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return systemCode(error) === 'ESRCH';
  }
}
