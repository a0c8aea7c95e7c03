/** The results as a table for a terminal. Pure. */

const UNITS = { s: ' s', ms: ' ms', MB: ' MB', '%': ' %', '/s': '/s' };

/**
 * Three digits that mean something.
 * @param {number} value
 */
function digits(value) {
  if (!Number.isFinite(value)) return '?';
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

/**
 * @param {number} value
 * @param {string} unit
 */
function amount(value, unit) {
  const whole = unit === '' && Number.isInteger(value);
  return `${whole ? value : digits(value)}${UNITS[unit] ?? (unit === '' ? '' : ` ${unit}`)}`;
}

const SIGNS = { 'at most': '≤', 'at least': '≥', 'more than': '>' };

/** @param {import('./figures.mjs').Judged} figure */
function cellsOf(figure) {
  const { target, reached, beside, ratio } = figure;
  const limit = target && (target.of === 'ratio' ? `${target.limit} ×` : amount(target.limit, figure.unit));
  return [
    figure.name,
    amount(figure.value, figure.unit),
    beside ? `${beside.name}: ${amount(beside.value, beside.unit)}` : '',
    ratio === undefined ? '' : digits(ratio),
    target ? `${SIGNS[target.is]} ${limit}` : '',
    reached === null ? '' : reached ? 'reached' : 'MISSED',
  ];
}

const HEAD = ['figure', 'mailboxd', 'floor or peer, same run', 'ratio', 'target', ''];

/**
 * @param {readonly { row: string, figures: readonly import('./figures.mjs').Judged[] }[]} rows
 * @returns {string}
 */
export function renderTable(rows) {
  const body = rows.map(({ row, figures }) => ({ row, lines: figures.map(cellsOf) }));
  const widths = HEAD.map((title, n) =>
    Math.max(title.length, ...body.flatMap(({ lines }) => lines.map((cells) => (cells[n] ?? '').length))),
  );
  const isNumber = (n) => n === 1 || n === 3;
  const line = (cells) =>
    cells
      .map((cell, n) => (isNumber(n) ? cell.padStart(widths[n]) : cell.padEnd(widths[n])))
      .join('  ')
      .trimEnd();
  const out = [`  ${line(HEAD)}`];
  for (const { row, lines } of body) out.push(row, ...lines.map((cells) => `  ${line(cells)}`));
  return `${out.join('\n')}\n`;
}
