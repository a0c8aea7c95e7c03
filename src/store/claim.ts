/**
 * The claim, on one host:
 *
 *   inbox/x.md ──rename──▶ in_progress/.claim~<process>~<take>~x.md      one winner; everyone else finds nothing
 *   (read, decide, write the claim into a copy, synced) ──link──▶ in_progress/x.md    never over another file
 *   .claim~… ──rename──▶ .held~<take>~<size>~<mtime>~x.md                kept until the end
 *
 * The copy is what the run appends to. The original is held until the message ends, so that what a slow writer still
 * puts into it is found then and not lost. A crash leaves a hidden file that says what to do with it (recover.ts).
 */
import { lstatSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { MailboxError, systemCode } from '../core/errors.js';
import { renamedFor } from '../core/names.js';
import type { Place, State } from '../core/message.js';
import {
  appendExisting,
  diskFault,
  linkUnique,
  mustBeFolder,
  randomSuffix,
  readRegular,
  removeQuietly,
  removeSoon,
  stampOf,
  syncFolder,
  writeTemp,
  type Stamp,
} from './durable.js';
import { faultPoint } from './fault-points.js';
import { CLAIM_PREFIX, END_PREFIX, formatSuccessor, HELD_PREFIX, hiddenName, inUse, parseHeld } from './hidden.js';
import { mailboxDir, messagePath, stateDir } from './paths.js';

/** What to do with a file that was taken: run it, or place it elsewhere (a refusal, an acknowledgement). */
export interface TakeDecision {
  state: State;
  bytes: string | Uint8Array;
}

export interface TakenFile {
  bytes: Buffer;
  /** When it was last written to, ms since 1970. */
  written: number;
}

/** `returned`: it was ours for a moment and is back in the inbox, unchanged. */
export type TakeResult = { won: true; place: Place; take: string } | { won: false; returned?: boolean };

/**
 * Takes a waiting file out of the inbox, for good or not at all. `decide` sees its bytes and says where it goes and
 * with what content, or undefined to leave it; then, and when it throws, the file is back in the inbox. `take` (random
 * letters) must be written into the claim, so that a crash can be understood. Returns `won: false` when the file is not there any more.
 */
export async function takeMessage(
  root: string,
  place: Place,
  who: string,
  maxBytes: number,
  decide: (read: TakenFile | { problem: MailboxError }, take: string) => TakeDecision | undefined,
): Promise<TakeResult> {
  const take = randomSuffix();
  const from = messagePath(root, place);
  const dir = stateDir(root, place.mailbox, 'in_progress');
  const hidden = join(dir, hiddenName(`${CLAIM_PREFIX}${who}~${take}~`, place.name));
  inUse.add(hidden);
  try {
    for (const folder of [mailboxDir(root, place.mailbox), dir]) mustBeFolder(folder);
    if (!rename(from, hidden, dir)) return { won: false };
    faultPoint?.('claimed');
    return await decideTaken(root, place, who, maxBytes, decide, { take, dir, hidden });
  } finally {
    inUse.delete(hidden);
  }
}

async function decideTaken(
  root: string,
  place: Place,
  who: string,
  maxBytes: number,
  decide: Parameters<typeof takeMessage>[4],
  { take, dir, hidden: claimed }: { take: string; dir: string; hidden: string },
): Promise<TakeResult> {
  let hidden = claimed;
  let placed: Place;
  let stamp: Stamp | undefined;
  let mode = 0o644;
  try {
    let read: TakenFile | { problem: MailboxError };
    try {
      const file = readRegular(hidden, maxBytes);
      if (!file) return { won: false };
      stamp = file.stamp;
      // The copy is as private as the original, and the worker can write to it.
      mode = file.mode | 0o600;
      read = { bytes: file.bytes, written: Number(file.stamp.mtimeNs) / 1e6 };
    } catch (error) {
      if (!(error instanceof MailboxError) || error.code !== 'invalid') throw error;
      read = { problem: error };
    }
    const decision = decide(read, take);
    if (!decision) {
      returnTaken(root, place, hidden);
      return { won: false, returned: true };
    }
    const target = stateDir(root, place.mailbox, decision.state);
    if ('problem' in read) return placeUnread(root, place, hidden, decision, take);
    const temp = await writeTemp(target, decision.bytes, mode);
    try {
      if (decision.state !== 'in_progress') {
        // A claim in in_progress/ is known by its take; an end elsewhere by its inode.
        const successor = formatSuccessor({
          ino: stampOf(temp)?.ino ?? 0n,
          size: stamp?.size ?? 0n,
          mtimeNs: stamp?.mtimeNs ?? 0n,
        });
        const ending = join(dir, hiddenName(`${END_PREFIX}${who}~${successor}~`, place.name));
        renameSync(hidden, ending);
        hidden = ending;
      }
      placed = { mailbox: place.mailbox, state: decision.state, name: linkUnique(temp, target, place.name) };
    } finally {
      await removeSoon(temp);
    }
    if (decision.state !== 'in_progress') await syncFolder(target);
  } catch (error) {
    returnTaken(root, place, hidden);
    throw diskFault(error, `claiming ${place.mailbox}/inbox/${place.name}`);
  }
  faultPoint?.('session written');
  const held = `${HELD_PREFIX}${take}~${stamp?.size ?? 0n}~${stamp?.mtimeNs ?? 0n}~`;
  renameSync(hidden, join(dir, hiddenName(held, place.name)));
  faultPoint?.('held');
  if (placed.state !== 'in_progress') releaseHeld(root, place.mailbox, take, place.name);
  return { won: true, place: placed, take };
}

function rename(from: string, to: string, dir: string): boolean {
  for (let again = true; ; again = false) {
    try {
      renameSync(from, to);
      return true;
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw diskFault(error, `claiming ${from}`);
      // Either the file is gone, which is an ordinary loss, or the folder it should go to is.
      if (!again || lstatSync(from, { throwIfNoEntry: false }) === undefined) return false;
      mkdirSync(dir, { recursive: true });
    }
  }
}

/**
 * A file that could not be read whole (too large) goes to its place as it is, with the reason appended; where other
 * names share its content, nothing is appended.
 */
function placeUnread(root: string, place: Place, hidden: string, decision: TakeDecision, take: string): TakeResult {
  if (lstatSync(hidden).nlink === 1) appendExisting(hidden, String(decision.bytes));
  const name = linkUnique(hidden, stateDir(root, place.mailbox, decision.state), place.name);
  removeQuietly(hidden);
  return { won: true, place: { mailbox: place.mailbox, state: decision.state, name }, take };
}

function returnTaken(root: string, place: Place, hidden: string): void {
  try {
    linkUnique(hidden, stateDir(root, place.mailbox, 'inbox'), place.name);
    removeQuietly(hidden);
  } catch {
    // The next start's recovery finds the hidden file and puts it back.
  }
}

/**
 * Lets go of the original when its message has ended. When somebody wrote into it after it was read, it is delivered
 * to the inbox as a message of its own; the place of that one is returned.
 */
export function releaseHeld(root: string, mailbox: string, take: string, name: string): Place | undefined {
  const dir = stateDir(root, mailbox, 'in_progress');
  for (const entry of readdirSync(dir)) {
    if (!entry.startsWith(`${HELD_PREFIX}${take}~`)) continue;
    const held = parseHeld(entry);
    const path = join(dir, entry);
    const stamp = stampOf(path);
    if (!held || !stamp) continue;
    if (stamp.size === held.size && stamp.mtimeNs === held.mtimeNs) {
      removeQuietly(path);
      return undefined;
    }
    const late = linkUnique(path, stateDir(root, mailbox, 'inbox'), renamedFor(name, 'late'));
    removeQuietly(path);
    return { mailbox, state: 'inbox', name: late };
  }
  return undefined;
}
