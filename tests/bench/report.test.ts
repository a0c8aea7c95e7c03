/** The bench's own logic: medians, verdicts, the table. The rows themselves are run by hand. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compare, findFlaw, judge, median, quantile } from '../../bench/support/figures.mjs';
import { report } from '../../bench/support/report.mjs';
import { renderTable } from '../../bench/support/table.mjs';
import { ROWS } from '../../bench/rows/index.mjs';
import { listFiles, readText, root } from '../house/tree.js';

const beside = { name: 'floor', value: 2, unit: 'ms' };
const figure = { name: 'latency', value: 3, unit: 'ms', beside, ratio: 1.5 };

describe('a figure', () => {
  it('is the median of its repetitions, and its ratio the median of theirs', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(quantile([0, 10], 0.99)).toBeCloseTo(9.9);
    expect(median([])).toBeNaN();
    const pairs = [
      { value: 1, beside: 1 },
      { value: 20, beside: 10 },
      { value: 3, beside: 1 },
    ];
    const compared = compare({ name: 'x', unit: 'ms', beside: 'floor', pairs });
    expect(compared).toEqual({
      name: 'x',
      value: 3,
      unit: 'ms',
      beside: { name: 'floor', value: 1, unit: 'ms' },
      ratio: 2,
    });
  });

  it.each([
    [{ of: 'value', is: 'at most', limit: 3 }, true],
    [{ of: 'value', is: 'at most', limit: 2.9 }, false],
    [{ of: 'ratio', is: 'at most', limit: 1.5 }, true],
    [{ of: 'ratio', is: 'at least', limit: 1.6 }, false],
    [{ of: 'ratio', is: 'more than', limit: 1.5 }, false],
    [{ of: 'ratio', is: 'more than', limit: 1.4 }, true],
    [undefined, null],
  ] as const)('held to %j: %j', (target, reached) => {
    expect(judge(target ? { ...figure, target } : figure).reached).toBe(reached);
  });

  it('is of no use without what stands beside it', () => {
    expect(findFlaw(figure)).toBeUndefined();
    const { beside: _, ...alone } = figure;
    expect(findFlaw(alone)).toMatch(/no floor or peer was measured/);
    expect(findFlaw({ ...figure, beside: { ...beside, value: Number.NaN } })).toMatch(/"floor" was not measured/);
    expect(findFlaw({ ...figure, value: Number.NaN })).toMatch(/expected a number/);
    expect(findFlaw(compare({ name: 'x', unit: 'ms', beside: 'floor', pairs: [] }))).toMatch(/expected a number/);
  });
});

describe('a run', () => {
  const missedOne = { ...figure, target: { of: 'value', is: 'at most', limit: 1 } } as const;

  it('shows a missed target and does not fail over it', () => {
    const { rows, flaws, missed } = report([{ row: 'claim', figures: [missedOne, figure] }]);
    expect({ flaws, missed }).toEqual({ flaws: [], missed: 1 });
    const table = renderTable(rows);
    expect(table).toContain('MISSED');
    expect(table).toContain('floor: 2.00 ms');
    expect(table).toContain('≤ 1.00 ms');
  });

  it('fails over a row without figures, with an error, or with a figure that stands alone', () => {
    const { beside: _, ...alone } = figure;
    const rows = [
      { row: 'a', figures: [] },
      { row: 'b', error: 'broken' },
      { row: 'c', figures: [alone, figure] },
    ];
    expect(report(rows).flaws).toEqual([
      'a: it measured nothing',
      'b: broken',
      'c: latency: no floor or peer was measured in this run',
    ]);
  });

  it('has a row for each file of bench/rows, and each is described', () => {
    const files = readdirSync(join(root, 'bench/rows')).filter((name) => name !== 'index.mjs');
    expect(files).toHaveLength(Object.keys(ROWS).length);
    const document = readText('docs/performance.md');
    for (const name of Object.keys(ROWS)) expect(document).toContain(`npm run bench -- ${name}`);
  });

  it('leaves its results and packages out of git', () => {
    expect(listFiles().filter((path) => /^bench\/(results\.json|node_modules\/)/.test(path))).toEqual([]);
    expect(readText('bench/package-lock.json')).not.toContain('"resolved"');
  });
});
