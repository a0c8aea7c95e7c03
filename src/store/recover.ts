/**
 * After a crash: what hidden names in a mailbox's folders mean, and the one way each goes on. Runs at every start and
 * now and then after; files of processes that live are left alone.
 */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { STATES, type Place, type State } from '../core/message.js';
import { releaseHeld } from './claim.js';
import { linkUnique, readRegular, removeQuietly } from './durable.js';
import { parseHeld, parseTaken } from './hidden.js';
import { listHidden } from './list.js';
import { stateDir } from './paths.js';

export interface RecoveryFacts {
  /** Whether the process that made a hidden name still lives. */
  isAlive(who: string): boolean;
  /** Whether a message in `in_progress/` carries this take in its claim. */
  hasTake(take: string): boolean;
  /** The id in a message's bytes, if it has one. */
  idOf(bytes: Buffer): string | undefined;
  /** Whether a message with this id stands in some folder under its visible name. */
  hasId(id: string): boolean;
}

/** What was done, for the log: one entry a file. */
export interface Recovered {
  what: 'returned' | 'restored' | 'removed' | 'late edit';
  place: Place;
}

const TEMP_AGE_MS = 3_600_000;

export function recoverHidden(
  root: string,
  mailbox: string,
  facts: RecoveryFacts,
  maxBytes: number,
  now: number,
): Recovered[] {
  const done: Recovered[] = [];
  for (const state of STATES) {
    for (const entry of listHidden(root, mailbox, state)) {
      const result = recoverOne(root, { mailbox, state, name: entry }, facts, maxBytes, now);
      if (result) done.push(result);
    }
  }
  return done;
}

function recoverOne(
  root: string,
  at: Place,
  facts: RecoveryFacts,
  maxBytes: number,
  now: number,
): Recovered | undefined {
  const dir = stateDir(root, at.mailbox, at.state);
  const path = join(dir, at.name);
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
    if (facts.isAlive(taken.who)) return undefined;
    if (taken.kind === 'claim') return facts.hasTake(taken.take) ? drop() : bring('inbox', taken.name, 'returned');
    const id = readId(path, facts, maxBytes);
    return id !== undefined && facts.hasId(id) ? drop() : bring(at.state, taken.name, 'restored');
  }
  const held = parseHeld(at.name);
  if (held) {
    if (facts.hasTake(held.take)) return undefined;
    const late = releaseHeld(root, at.mailbox, held.take, held.name);
    return late ? { what: 'late edit', place: late } : { what: 'removed', place: at };
  }
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat && now - stat.mtimeMs > TEMP_AGE_MS ? drop() : undefined;
}

function readId(path: string, facts: RecoveryFacts, maxBytes: number): string | undefined {
  try {
    const file = readRegular(path, maxBytes);
    return file && facts.idOf(file.bytes);
  } catch {
    return undefined; // not readable as a message: it is put back and judged like any other
  }
}
