/**
 * Retention: finished messages go from `complete/` and `failed/` to their month's folder (`complete/2026-11/`) when
 * they ended long ago, or when more lie there than a person can look through. Where a message goes is decided by the
 * message alone, name clashes included, so that two hosts that do it at the same time make the same tree.
 *
 * Each is taken under a hidden name first (a retry, an `mv` or a claim that comes at that moment finds it or finds it
 * gone), linked at its new place, and its hidden name goes when the new one is on the disk. After a crash in between,
 * recovery (store/recover.ts) finds that it stands in its month, or puts it back.
 */
import { createHash } from 'node:crypto';
import { linkSync, renameSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import type { Catalog } from '../catalog/index.js';
import type { Clock } from '../core/clock.js';
import { MailboxError, systemCode } from '../core/errors.js';
import type { Place, State } from '../core/message.js';
import { renamedFor } from '../core/names.js';
import {
  diskFault,
  linkUnique,
  mustBeFolder,
  randomSuffix,
  readRegular,
  removeQuietly,
  removeSoon,
  sameStamp,
  stampOf,
  syncFolder,
  type Stamp,
} from '../store/durable.js';
import { hiddenName, inUse, MOVE_PREFIX } from '../store/hidden.js';
import { listMailboxes, listState } from '../store/list.js';
import { messagePath, stateDir } from '../store/paths.js';
import { noteMove } from './acknowledge.js';
import { monthOf, readFinishedHead } from './archive/ended-at.js';
import { MAX_FILE_BYTES } from './locate.js';

export interface RetainOptions {
  /** ms after its end at which a message goes to its month. */
  after?: number;
  /** More flat files than this in one folder are thinned out, the oldest first, … */
  most?: number;
  /** … to this many. */
  least?: number;
  /** Asked between slices; true ends it early. */
  isOver?: () => boolean;
  /** Whether a message is held by somebody in a way that its file does not show; such a one stays. */
  isHeld?: (id: string) => boolean;
}

interface Keeper {
  root: { dir: string };
  clock: Clock;
  catalog: Catalog;
  /** This process, with its start time. */
  who: string;
}

interface Candidate {
  name: string;
  ended: number;
  stamp: Stamp;
}

const WEEK = 7 * 86_400_000;
/** How long a file must have been left alone, ms. */
const REST = 60_000;
/** Files looked at, or moved, between two turns of the event loop. */
const SLICE = 50;

/** Where the messages came to stand. Does all it can, then throws the first fault (a disk, a link in a folder's place). */
export async function retain(keeper: Keeper, options: RetainOptions = {}): Promise<{ moved: Place[] }> {
  const moved: Place[] = [];
  let fault: unknown;
  for (const mailbox of listMailboxes(keeper.root.dir)) {
    for (const state of ['complete', 'failed'] as const) {
      try {
        const due = await chooseDue(keeper, mailbox, state, options);
        for (let at = 0; at < due.length; at += SLICE) {
          if (options.isOver?.()) return { moved };
          moved.push(...(await moveSlice(keeper, mailbox, state, due.slice(at, at + SLICE))));
          await breathe();
        }
      } catch (error) {
        fault ??= error;
      }
      if (options.isOver?.()) return { moved };
    }
  }
  if (fault !== undefined) throw diskFault(fault, 'moving finished messages to their months');
  return { moved };
}

/** The flat files that are to go, the oldest first. */
async function chooseDue(keeper: Keeper, mailbox: string, state: State, options: RetainOptions): Promise<Candidate[]> {
  const { after = WEEK, most = 1_000, least = 800, isOver, isHeld } = options;
  const root = keeper.root.dir;
  const flat = listState(root, mailbox, state).filter((name) => !name.includes('/'));
  const now = keeper.clock.now();
  const movable: Candidate[] = [];
  for (const [index, name] of flat.entries()) {
    if (index % SLICE === SLICE - 1) await breathe();
    if (isOver?.()) return [];
    const file = readSafely(messagePath(root, { mailbox, state, name }));
    if (!file || now - Number(file.stamp.mtimeNs / 1_000_000n) < REST) continue;
    const head = readFinishedHead(file.bytes, name);
    if (head.ended === undefined || head.isClaimed || (head.id !== undefined && isHeld?.(head.id))) continue;
    movable.push({ name, ended: head.ended, stamp: file.stamp });
  }
  movable.sort((a, b) => a.ended - b.ended || (a.name < b.name ? -1 : 1));
  const old = movable.filter(({ ended }) => now - ended > after).length;
  const surplus = flat.length > most ? flat.length - least : 0;
  return movable.slice(0, Math.max(old, surplus));
}

/** What is no regular file, or too large for one, is nothing that retention moves. */
function readSafely(path: string): { bytes: Buffer; stamp: Stamp } | undefined {
  try {
    return readRegular(path, MAX_FILE_BYTES);
  } catch (error) {
    if (error instanceof MailboxError && error.code === 'invalid') return undefined;
    throw error;
  }
}

async function moveSlice(keeper: Keeper, mailbox: string, state: State, slice: Candidate[]): Promise<Place[]> {
  const dir = stateDir(keeper.root.dir, mailbox, state);
  const done: { hidden: string; from: Place; to: Place }[] = [];
  const months = new Set<string>();
  const taken: string[] = [];
  try {
    for (const candidate of slice) {
      const { name } = candidate;
      const month = monthOf(candidate.ended);
      mustBeFolder(join(dir, month));
      const hidden = join(dir, hiddenName(`${MOVE_PREFIX}${keeper.who}~${randomSuffix()}~`, name));
      inUse.add(hidden);
      taken.push(hidden);
      if (!takeUntouched(join(dir, name), hidden, candidate.stamp)) continue;
      try {
        const to = { mailbox, state, name: `${month}/${placeIn(join(dir, month), name, hidden)}` };
        done.push({ hidden, from: { mailbox, state, name }, to });
        months.add(month);
      } catch (error) {
        putBack(hidden, dir, name);
        throw error;
      }
    }
  } finally {
    // Also what was moved before a fault is brought to its end.
    try {
      await Promise.all([dir, ...[...months].map((month) => join(dir, month))].map(syncFolder));
      await Promise.all(done.map(({ hidden }) => removeSoon(hidden)));
    } finally {
      for (const hidden of taken) inUse.delete(hidden);
    }
    for (const { from, to } of done) noteMove(keeper.catalog, keeper.root.dir, from, to);
  }
  return done.map(({ to }) => to);
}

/** Takes the file under its hidden name; false when it is gone, or was written to since it was looked at. */
function takeUntouched(path: string, hidden: string, stamp: Stamp): boolean {
  try {
    renameSync(path, hidden);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw diskFault(error, `moving ${path}`);
  }
  if (sameStamp(stampOf(hidden), stamp)) return true;
  putBack(hidden, dirname(path), basename(path));
  return false;
}

function putBack(hidden: string, dir: string, name: string): void {
  linkUnique(hidden, dir, name);
  removeQuietly(hidden);
}

/**
 * Links the file into its month's folder and returns its name there. Where another has that name already, it gets one
 * that its content decides; where that other is the same to the byte, there is nothing to link.
 */
function placeIn(dir: string, name: string, file: string): string {
  let digest: string | undefined;
  for (const length of [0, 8, 40]) {
    if (length > 0) digest ??= digestOf(file);
    const wanted = length === 0 ? name : renamedFor(name, (digest ?? '').slice(0, length));
    try {
      linkSync(file, join(dir, wanted));
      return wanted;
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw diskFault(error, `placing ${name} in ${dir}`);
      if (isSameContent(file, join(dir, wanted))) return wanted;
    }
  }
  return linkUnique(file, dir, name);
}

function digestOf(file: string): string {
  return createHash('sha1')
    .update(readRegular(file, MAX_FILE_BYTES)?.bytes ?? '')
    .digest('hex');
}

function isSameContent(one: string, other: string): boolean {
  const bytes = readSafely(other)?.bytes;
  return bytes !== undefined && readRegular(one, MAX_FILE_BYTES)?.bytes.equals(bytes) === true;
}
