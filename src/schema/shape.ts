/**
 * How deep and how large a value may be before ajv sees it. ajv recurses, so that nesting from a stranger could
 * overflow the stack. This walk does not recurse, and a cycle ends it like any other depth.
 */
import { type SchemaProblem, problemOf } from './problem.js';

export interface ShapeCaps {
  /** Nested mappings and lists. */
  depth: number;
  /** Mappings, lists and single values together. */
  nodes: number;
}

export const DATA_CAPS: ShapeCaps = { depth: 64, nodes: 200_000 };
export const SCHEMA_CAPS: ShapeCaps = { depth: 64, nodes: 10_000 };

/** Undefined when `value` is within the caps. */
export function checkShape(value: unknown, caps: ShapeCaps): SchemaProblem | undefined {
  const rest: { value: unknown; depth: number }[] = [{ value, depth: 1 }];
  let nodes = 0;
  for (let next = rest.pop(); next; next = rest.pop()) {
    nodes += 1;
    if (nodes > caps.nodes) return tooMany(caps);
    if (next.value === null || typeof next.value !== 'object') continue;
    if (next.depth > caps.depth) {
      return problemOf({ path: '', found: `a value nested more than ${caps.depth} deep`, expected: 'a flatter one' });
    }
    const children: unknown[] = Array.isArray(next.value) ? next.value : Object.values(next.value);
    if (children.length > caps.nodes) return tooMany(caps);
    for (const child of children) rest.push({ value: child, depth: next.depth + 1 });
  }
  return undefined;
}

function tooMany(caps: ShapeCaps): SchemaProblem {
  return problemOf({ path: '', found: `more than ${caps.nodes} values`, expected: 'fewer' });
}
