import { describe, expect, it } from 'vitest';
import { checkImports, parseImports } from './imports.js';
import { ROOMS } from './rooms.js';
import { readSources } from './tree.js';

const check = (files: Record<string, string>): string[] => checkImports(new Map(Object.entries(files)));

describe('imports of src/', () => {
  it('point one way between rooms, and never in a circle', () => {
    const sources = readSources();
    expect(sources.size).toBeGreaterThan(5);
    expect(checkImports(sources)).toEqual([]);
  });
});

describe('the rooms', () => {
  it('have an order, so that nothing can point back', () => {
    const order: string[] = [];
    const place = (room: string, above: string[]): void => {
      expect(above, `${room} is below itself`).not.toContain(room);
      for (const other of ROOMS[room] ?? []) place(other, [...above, room]);
      if (!order.includes(room)) order.push(room);
    };
    for (const room of Object.keys(ROOMS)) place(room, []);
    expect(order.toSorted()).toEqual(Object.keys(ROOMS).toSorted());
  });
});

describe('the check of imports', () => {
  it('reads every form of import', () => {
    const source = `
      import './effect.js';
      import type { A } from './type.js';
      import {
        b, // from './no.js'
        type C,
      } from "./many-lines.js";
      import d, * as e from './star.js';
      export * from './all.js';
      export { f } from './some.js';
      export const text = 'import x from no';
      // import g from './comment.js';
      /* import h from './comment.js'; */
      const glob = '**/*.md', url = "https://x";
      const i = await import('./lazy.js'); /* end */
      type J = import('./in-type.js').K;`;
    expect(parseImports(source)).toEqual([
      ...['./effect.js', './type.js', './many-lines.js', './star.js', './all.js', './some.js'],
      ...['./lazy.js', './in-type.js'],
    ]);
  });

  it('accepts what the table allows', () => {
    expect(
      check({
        'core/names.ts': '',
        'core/token.ts': `import { x } from 'node:crypto';\nimport './names.js';`,
        'store/list.ts': `import '../core/names.js';\nimport fs from 'node:fs';\nimport p from 'p-queue';`,
        'format/yaml.ts': `import { parse } from 'yaml';`,
        'index.ts': `export * from './core/names.js';`,
      }),
    ).toEqual([]);
  });

  it.each([
    [
      'a room that points back',
      { 'core/a.ts': `import '../store/b.js';`, 'store/b.ts': '' },
      'core may not import from',
    ],
    [
      'a type that points back',
      { 'store/a.ts': `import type { B } from '../daemon/b.js';`, 'daemon/b.ts': '' },
      'store may not import from daemon',
    ],
    [
      'a lazy import that points back',
      { 'runners/a.ts': `await import('../store/b.js')`, 'store/b.ts': '' },
      'runners may not import from store',
    ],
    ['a new room', { 'misc/a.ts': '' }, 'the room misc is not in'],
    ['gray-matter elsewhere', { 'store/a.ts': `import m from 'gray-matter';` }, 'gray-matter is for format alone'],
    ['yaml elsewhere', { 'cli/a.ts': `import { parse } from 'yaml';` }, 'yaml is for format alone'],
    ['I/O in core', { 'core/a.ts': `import { readFileSync } from 'node:fs';` }, 'core is pure'],
    ['a package in core', { 'core/a.ts': `import { v7 } from 'uuid';` }, 'core is pure'],
    ['a file that is not there', { 'core/a.ts': `import './b.js';` }, 'which is not there'],
    ['a way out of src/', { 'core/a.ts': `import '../../tests/b.js';` }, 'outside src/'],
    ['a computed target', { 'cli/a.ts': 'await import(`./commands/${name}.js`)' }, 'cannot be checked'],
    [
      'a cycle within a room',
      {
        'core/a.ts': `import './b.js';`,
        'core/b.ts': `import './c.js';`,
        'core/c.ts': `import type { A } from './a.js';`,
      },
      'cycle: core/a.ts -> core/b.ts -> core/c.ts -> core/a.ts',
    ],
  ])('reports %s', (_, files, problem) => {
    expect(check(files)).toEqual([expect.stringContaining(problem)]);
  });
});
