import { diff3Merge } from 'node-diff3';

/** Above this many bytes nothing is merged by line: both versions are kept. */
const MOST_BYTES = 1024 * 1024;

/** Comparisons that a merge may cost at most; a file of a million equal lines would take for ever. */
const MOST_WORK = 100_000_000;

/**
 * Line by line, what both sides made of `base`; undefined when their changes touch, when it is no text, too big, or when
 * the result would say a thing of the front matter twice. Bytes are kept: lines go through as latin1, ends included.
 * The same either way round only when the caller orders `one` and `other`.
 */
export function mergeText(base: Uint8Array, one: Uint8Array, other: Uint8Array): Uint8Array | undefined {
  const sides = [base, one, other];
  if (sides.some((bytes) => bytes.length > MOST_BYTES || bytes.includes(0))) return undefined;
  const [b, o, t] = sides.map(linesOf) as [string[], string[], string[]];
  const head = countCommon(b, o, t, (lines, index) => lines[index]);
  const rest = [b, o, t].map((lines) => lines.slice(head)) as [string[], string[], string[]];
  const tail = countCommon(...rest, (lines, index) => lines[lines.length - 1 - index]);
  const [midB, midO, midT] = rest.map((lines) => lines.slice(0, lines.length - tail)) as [string[], string[], string[]];
  if (costOf(midB, midO) + costOf(midB, midT) > MOST_WORK) return undefined;

  const merged = b.slice(0, head);
  for (const region of diff3Merge(midO, midB, midT, { excludeFalseConflicts: true })) {
    if (region.ok === undefined) return undefined;
    for (const line of region.ok) merged.push(line);
  }
  for (const line of b.slice(b.length - tail)) merged.push(line);

  const glued = merged.slice(0, -1).some((line) => !line.endsWith('\n'));
  if (glued || repeatedKeys(merged) > Math.max(repeatedKeys(o), repeatedKeys(t))) return undefined;
  return Buffer.from(merged.join(''), 'latin1');
}

function linesOf(bytes: Uint8Array): string[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function countCommon(
  b: string[],
  o: string[],
  t: string[],
  at: (lines: string[], index: number) => string | undefined,
): number {
  const most = Math.min(b.length, o.length, t.length);
  let count = 0;
  while (count < most && at(b, count) === at(o, count) && at(b, count) === at(t, count)) count += 1;
  return count;
}

/** An upper bound of what the search for common lines compares: each pair of equal lines against each candidate. */
function costOf(base: string[], side: string[]): number {
  const counts = new Map<string, number>();
  for (const line of side) counts.set(line, (counts.get(line) ?? 0) + 1);
  const pairs = base.reduce((sum, line) => sum + (counts.get(line) ?? 0), 0);
  return pairs * Math.min(base.length, side.length);
}

/** How many top-level keys of the front matter stand there again: YAML refuses such a file. */
function repeatedKeys(lines: string[]): number {
  if (!/^---\s*$/.test(lines[0] ?? '')) return 0;
  const keys = new Set<string>();
  let repeated = 0;
  for (const line of lines.slice(1)) {
    if (/^---\s*$/.test(line)) break;
    const key = /^([^\s#:][^:]*):/.exec(line)?.[1];
    if (key === undefined) continue;
    if (keys.has(key)) repeated += 1;
    keys.add(key);
  }
  return repeated;
}
