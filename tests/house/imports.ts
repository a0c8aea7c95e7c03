import { posix } from 'node:path';
import { KEPT_PACKAGES, PURE_BUILTINS, PURE_PACKAGES, ROOMS } from './rooms.js';

// Strings are matched so that what looks like a comment inside one ('**/*.md') is left alone.
const STRING_OR_COMMENT = /(['"])(?:\\.|(?!\1)[^\\\n])*\1|`(?:\\.|[^\\`])*`|\/\*[\s\S]*?\*\/|\/\/.*/g;

/** What a file imports, by the words in the source: type imports count, for they point somewhere too. */
export function parseImports(source: string): string[] {
  const text = source.replace(STRING_OR_COMMENT, (found) => (found.startsWith('/') ? '' : found));
  const found: string[] = [];
  // import 'x' · import … from 'x' · export … from 'x', the names over as many lines as they take
  for (const match of text.matchAll(/^[ \t]*(?:import|export)\b(?:[^'"`;]*?\bfrom)?\s*(['"])([^'"\n]+)\1/gm)) {
    found.push(match[2] ?? '');
  }
  for (const match of text.matchAll(/\bimport\(\s*(?:(['"])([^'"\n]+)\1)?/g)) found.push(match[2] ?? '<computed>');
  return found;
}

/**
 * Everything wrong with the imports of these files of src/ (path below src/ → source): against the direction between
 * rooms, out of src/, of a package kept for another room, of a file that is not there, or around in a cycle.
 */
export function checkImports(files: ReadonlyMap<string, string>): string[] {
  const problems: string[] = [];
  const graph = new Map<string, string[]>();
  for (const [file, source] of files) {
    const room = roomOf(file);
    const targets: string[] = [];
    for (const specifier of parseImports(source)) {
      if (specifier === '<computed>') {
        problems.push(`${file}: an import whose target is computed cannot be checked; write it out`);
      } else if (!specifier.startsWith('.')) {
        problems.push(...checkPackage(file, room, specifier));
      } else {
        const target = posix.join(posix.dirname(file), specifier).replace(/\.js$/, '.ts');
        if (target.startsWith('../')) problems.push(`${file}: imports ${specifier}, which is outside src/`);
        else if (!files.has(target)) problems.push(`${file}: imports ${specifier}, which is not there`);
        else targets.push(target);
      }
    }
    graph.set(file, [...new Set(targets)]);
    problems.push(...checkRooms(file, room, targets));
  }
  for (const cycle of findCycles(graph)) problems.push(`cycle: ${cycle.join(' -> ')}`);
  return problems;
}

/** The folder below src/; `.` for a file directly in it. */
export function roomOf(file: string): string {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : '.';
}

function checkRooms(file: string, room: string, targets: string[]): string[] {
  const allowed = ROOMS[room];
  if (allowed === undefined) return [`${file}: the room ${room} is not in tests/house/rooms.ts`];
  const wrong = new Set(targets.map(roomOf).filter((other) => other !== room && !allowed.includes(other)));
  return [...wrong].map(
    (other) => `${file}: ${room} may not import from ${other}; it may from: ${allowed.join(', ') || 'nothing'}`,
  );
}

function checkPackage(file: string, room: string, specifier: string): string[] {
  const keeper = KEPT_PACKAGES[specifier.split('/')[0] ?? ''];
  if (keeper !== undefined && keeper !== room) return [`${file}: ${specifier} is for ${keeper} alone`];
  if (room === 'core' && !PURE_BUILTINS.includes(specifier) && !PURE_PACKAGES.includes(specifier)) {
    return [`${file}: core is pure and may not import ${specifier}`];
  }
  return [];
}

/** One cycle for each group of files that import each other, shortest way first met. */
function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const walk = (file: string, path: string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) {
      cycles.push([...path.slice(at), file]);
      return;
    }
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) walk(next, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) walk(file, []);
  return cycles;
}
