/** What does not fit a schema, for a person: where, what was found, what was expected. */

export interface SchemaProblem {
  /** `options.allowed_tools[2]`; empty for the value as a whole. */
  path: string;
  /** The value, short and cut, or what it is. Never a secret. */
  found: string;
  expected: string;
  hint?: string;
  /** All of it in a sentence: `priority: found "hgih", expected one of low, normal, high, urgent`. */
  message: string;
}

const CUT = 60;

export function problemOf(parts: {
  path: string;
  found: string;
  expected: string;
  hint?: string | undefined;
}): SchemaProblem {
  const { path, found, expected, hint } = parts;
  const where = path === '' ? '' : `${path}: `;
  const message = `${where}found ${found}, expected ${expected}${hint === undefined ? '' : `; ${hint}`}`;
  return { path, found, expected, message, ...(hint === undefined ? {} : { hint }) };
}

export function describeProblem(problem: SchemaProblem): string {
  return problem.message;
}

/** The first few problems in one sentence each, joined by a line break, and how many more there are. */
export function describeProblems(problems: readonly SchemaProblem[], most = 5): string {
  const lines = problems.slice(0, most).map(describeProblem);
  if (problems.length > most) lines.push(`and ${problems.length - most} more`);
  return lines.join('\n');
}

/** Text cut to `max` characters, never in the middle of a pair of surrogates. */
export function cutText(text: string, max = CUT): string {
  return text.length <= max ? text : `${text.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** A value as a problem shows it. */
export function describeValue(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value === 'object') return 'a mapping';
  // Cut before it is quoted: a megabyte of text is not worth quoting.
  if (typeof value === 'string') return cutText(JSON.stringify(value.slice(0, CUT + 1)));
  return cutText(`${value as number | boolean | bigint | undefined}`);
}

/** A JSON pointer as people write paths: `/options/allowed_tools/2` → `options.allowed_tools[2]`. */
export function pathOf(pointer: string, ...more: string[]): string {
  const parts = pointer === '' ? [] : pointer.slice(1).split('/');
  const names = parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  let path = '';
  for (const name of [...names, ...more]) {
    if (/^\d{1,9}$/.test(name)) path += `[${name}]`;
    else if (/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/.test(name)) path += path === '' ? name : `.${name}`;
    else path += `[${cutText(JSON.stringify(name.slice(0, CUT)))}]`;
  }
  return path;
}
