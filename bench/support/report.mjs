/** From what the rows measured to the verdict on the whole run. Pure. */
import { findFlaw, judge } from './figures.mjs';

/**
 * @typedef {{ row: string, figures?: import('./figures.mjs').Figure[], error?: string }} Measured
 * @typedef {{ row: string, figures: import('./figures.mjs').Judged[] }} Shown
 */

/**
 * A row that failed, that measured nothing, or of which a figure stands alone makes the whole run fail; a target that
 * was missed does not.
 * @param {readonly Measured[]} measured
 * @returns {{ rows: Shown[], flaws: string[], missed: number }}
 */
export function report(measured) {
  const rows = measured.map(({ row, figures = [] }) => ({ row, figures: figures.map(judge) }));
  const flaws = measured.flatMap(({ row, figures = [], error }) => {
    const found = figures.map(findFlaw).filter((flaw) => flaw !== undefined);
    const all = error !== undefined ? [error] : figures.length === 0 ? ['it measured nothing'] : found;
    return all.map((flaw) => `${row}: ${flaw}`);
  });
  const missed = rows.flatMap(({ figures }) => figures).filter(({ reached }) => reached === false).length;
  return { rows, flaws, missed };
}
