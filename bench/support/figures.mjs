/**
 * What a row measures, and how it is judged. Pure.
 *
 * A figure is one number of ours with a floor or peer of the same run beside it. A target holds either the number itself
 * or its ratio to what stands beside it. A figure without anything beside it says nothing about the code, for the
 * machine may have been busy: it fails the command.
 *
 * @typedef {{ of: 'value' | 'ratio', is: 'at most' | 'at least' | 'more than', limit: number }} Target
 * @typedef {{ name: string, value: number, unit: string }} Beside
 * @typedef {{ name: string, value: number, unit: string, beside?: Beside, ratio?: number, target?: Target, note?: string }} Figure
 * @typedef {Figure & { reached: boolean | null }} Judged `reached` is null for a figure without a target
 */

/** @param {readonly number[]} numbers */
export function median(numbers) {
  return quantile(numbers, 0.5);
}

/**
 * The q-quantile (0 to 1) of the numbers, interpolated; NaN of none.
 * @param {readonly number[]} numbers
 * @param {number} q
 */
export function quantile(numbers, q) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

/**
 * One figure of several repetitions: medians of both sides, and of their ratios, so that what slowed one repetition
 * down slowed both of its sides.
 * @param {{ name: string, unit: string, beside: string, besideUnit?: string, pairs: readonly { value: number, beside: number }[], target?: Target, note?: string }} parts
 * @returns {Figure}
 */
export function compare({ name, unit, beside, besideUnit = unit, pairs, target, note }) {
  const figure = { name, value: median(pairs.map((pair) => pair.value)), unit };
  const against = { name: beside, value: median(pairs.map((pair) => pair.beside)), unit: besideUnit };
  const ratio = median(pairs.map((pair) => pair.value / pair.beside));
  return { ...figure, beside: against, ratio, ...(target && { target }), ...(note !== undefined && { note }) };
}

/**
 * Why a figure cannot be shown; undefined when it can.
 * @param {Figure} figure
 */
export function findFlaw(figure) {
  if (!Number.isFinite(figure.value)) return `${figure.name}: found ${figure.value}, expected a number`;
  if (!figure.beside) return `${figure.name}: no floor or peer was measured in this run`;
  if (!Number.isFinite(figure.beside.value)) {
    return `${figure.name}: its floor or peer "${figure.beside.name}" was not measured in this run`;
  }
  if (figure.target?.of === 'ratio' && !Number.isFinite(figure.ratio)) return `${figure.name}: found no ratio`;
  return undefined;
}

/**
 * @param {Figure} figure
 * @returns {Judged}
 */
export function judge(figure) {
  const { target } = figure;
  if (!target) return { ...figure, reached: null };
  const measured = (target.of === 'ratio' ? figure.ratio : figure.value) ?? Number.NaN;
  const { is, limit } = target;
  const reached = is === 'at most' ? measured <= limit : is === 'at least' ? measured >= limit : measured > limit;
  return { ...figure, reached };
}
