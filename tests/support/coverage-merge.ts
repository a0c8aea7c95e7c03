/** The part of istanbul's coverage of one file that is used here. */
export interface FileHits {
  statementMap: Record<string, Span>;
  fnMap: Record<string, { decl: Span }>;
  branchMap: Record<string, { type: string; loc: Span; locations: unknown[] }>;
  s: Record<string, number>;
  f: Record<string, number>;
  b: Record<string, number[]>;
}

interface Span {
  start: { line?: number | undefined; column?: number | undefined };
}

/**
 * Adds the hits of `other` to `total`, two measurements of one file by two compilers. They agree on where a statement,
 * a branch or a function begins, not always on where it ends; so what begins at one place is one, where several begin
 * there the least hit one speaks for all, and what `total` does not know is left out. So the sum may say too little,
 * never too much.
 */
export function addHits(total: FileHits, other: FileHits): void {
  const statements = leastByKey(entries(other.statementMap, other.s, placeOf));
  for (const [id, span] of Object.entries(total.statementMap)) {
    total.s[id] = (total.s[id] ?? 0) + (statements.get(placeOf(span)) ?? 0);
  }
  const functions = leastByKey(entries(other.fnMap, other.f, ({ decl }) => placeOf(decl)));
  for (const [id, { decl }] of Object.entries(total.fnMap)) {
    total.f[id] = (total.f[id] ?? 0) + (functions.get(placeOf(decl)) ?? 0);
  }
  const branches = new Map(
    Object.entries(other.branchMap).map(([id, branch]) => [branchKey(branch), other.b[id] ?? []]),
  );
  for (const [id, branch] of Object.entries(total.branchMap)) {
    const hits = branches.get(branchKey(branch)) ?? [];
    total.b[id] = (total.b[id] ?? []).map((count, path) => count + (hits[path] ?? 0));
  }
}

function placeOf({ start }: Span): string {
  return `${start.line}:${start.column}`;
}

function branchKey(branch: FileHits['branchMap'][string]): string {
  return `${branch.type} ${placeOf(branch.loc)} ${branch.locations.length}`;
}

function entries<T>(map: Record<string, T>, hits: Record<string, number>, key: (of: T) => string): [string, number][] {
  return Object.entries(map).map(([id, of]) => [key(of), hits[id] ?? 0]);
}

function leastByKey(all: [string, number][]): Map<string, number> {
  const least = new Map<string, number>();
  for (const [key, count] of all) least.set(key, Math.min(count, least.get(key) ?? count));
  return least;
}
