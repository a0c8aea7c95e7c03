/**
 * The claim holder's record r, made from `base`, onto what `main` has now of the message.
 *
 * | `main` has | result |
 * |---|---|
 * | base, or base shown in `in_progress`, renamed or in a month folder | r |
 * | base edited in place | r, and the edit as a follow-up |
 * | moved by a person | the person's place stands, the run is appended |
 * | deleted | r is kept as a message: its result is new |
 */
import type { FileVersion, MergeNote, MergeResult } from './change.js';
import { findFreePath } from './clash.js';
import { isPersonsMove, locate, pathOf } from './place.js';

export interface FinishParts {
  /** What the claim was made from. */
  base: FileVersion;
  /** What the engine itself put on `main` for this claim: `base` as shown in `in_progress`. No edit. */
  shown?: FileVersion | undefined;
  /** Where the record lies when nobody interferes; undefined: the person on the holder's host deleted the message. */
  result: FileVersion | undefined;
  /** What `main` has of the message now, found by the caller; undefined: deleted. */
  current: FileVersion | undefined;
  /** A message of its own in the inbox that carries an edit; the same name, id and bytes each time. */
  followUp: (edited: FileVersion, base: FileVersion) => FileVersion;
  /**
   * `current` with the run of `result`; `current` itself when the run is in it already. `isOnlyMoved`: nobody wrote into
   * it, and what `result` says besides the run stands.
   */
  appendRun: (current: FileVersion, result: FileVersion, isOnlyMoved: boolean) => FileVersion;
  /** Whether `main` has a file at a path. */
  has: (path: string) => boolean;
  /** The object id of what `main` has at a path: with it, a follow-up that is there already is not written again. */
  oidAt?: ((path: string) => string | undefined) | undefined;
}

/** What must change on `main`. Applied again to its own outcome it changes nothing. */
export function mergeFinish(parts: FinishParts): MergeResult {
  const { base, result, current } = parts;
  const edits = new Map<string, FileVersion | undefined>();
  const notes: MergeNote[] = [];
  if (current === undefined) {
    if (result !== undefined) {
      place(parts, edits, result);
      notes.push({ kind: 'restored', paths: [base.path, result.path] });
    }
    return { edits, notes };
  }
  const isMoved = isPersonsMove(base.path, current.path);
  const isEdited = current.oid !== base.oid && current.oid !== parts.shown?.oid;
  if (result === undefined) {
    if (isMoved || isEdited) notes.push({ kind: 'kept-deleted', paths: [base.path, current.path] });
    else edits.set(current.path, undefined);
    return { edits, notes };
  }
  // It is there: another host folded it, or the push was accepted after all.
  if (current.oid === result.oid && (isMoved || locate(current.path).place === locate(result.path).place)) {
    return { edits, notes };
  }
  if (isMoved) {
    const appended = parts.appendRun(current, result, !isEdited);
    if (appended.oid !== current.oid) {
      edits.set(current.path, { ...appended, path: current.path });
      notes.push({ kind: 'appended', paths: [base.path, current.path] });
    }
    return { edits, notes };
  }
  edits.set(current.path, undefined);
  const { name } = locate(current.path);
  const wanted = locate(result.path);
  const isRenamed = name !== locate(base.path).name;
  place(parts, edits, isRenamed ? { ...result, path: pathOf({ ...wanted, name }) } : result);
  if (isEdited && current.oid !== result.oid) {
    const followUp = parts.followUp(current, base);
    const isThere = parts.oidAt?.(followUp.path) === followUp.oid;
    const path = isThere ? followUp.path : place(parts, edits, followUp);
    notes.push({ kind: 'follow-up', paths: [current.path, path] });
  }
  return { edits, notes };
}

/** Writes `version` where it belongs, or beside what is there; a path that this merge empties is free. */
function place(parts: FinishParts, edits: MergeResult['edits'], version: FileVersion): string {
  const isFree = (path: string): boolean => edits.get(path) === undefined && (edits.has(path) || !parts.has(path));
  const path = findFreePath(version, isFree);
  edits.set(path, { ...version, path });
  return path;
}
