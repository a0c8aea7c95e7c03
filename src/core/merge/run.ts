import type { FileVersion, MergeNote } from './change.js';
import type { Placed } from './clash.js';
import type { FinishParts } from './finish.js';
import { isPersonsMove, mergePaths } from './place.js';

/** How the exchange tells a run from an edit, so that an edit which comes after the result ends as one that came before. */
export interface RunRules extends Pick<FinishParts, 'followUp' | 'appendRun'> {
  /** Whether `after` has a run that `before` has not. */
  isRun: (before: FileVersion, after: FileVersion) => boolean;
}

/**
 * What becomes of a message that ran on one side and that a person changed on the other: the table of finish.ts.
 * Undefined: that is not what happened.
 */
export function mergeRun(
  base: FileVersion,
  sides: readonly [FileVersion, FileVersion],
  rules: RunRules,
  notes: MergeNote[],
): Placed[] | undefined {
  const [first, second] = sides;
  const [isFirst, isSecond] = sides.map((side) => side.oid !== base.oid && rules.isRun(base, side));
  if (isFirst === isSecond) return undefined;
  const [run, other] = isFirst === true ? [first, second] : [second, first];
  const from = base.path;
  if (isPersonsMove(from, other.path)) {
    notes.push({ kind: 'appended', paths: [from, other.path] });
    return [{ version: { ...rules.appendRun(other, run, other.oid === base.oid), path: other.path }, from }];
  }
  if (other.oid === base.oid) return undefined;
  const path = mergePaths(from, run.path, other.path);
  const followUp = rules.followUp(other, base);
  notes.push({ kind: 'follow-up', paths: [from, path, followUp.path] });
  return [{ version: { ...run, path }, from }, { version: followUp }];
}
