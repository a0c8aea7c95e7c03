/** The code that the build makes of this package's schemas says what ajv says, and does without ajv. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { validateConfig, validateMessageFields } from '../../src/schema/own.js';
import { type SchemaNode, readOwnSchema, resolveNode } from '../../src/schema/own-schema.js';

const built = fileURLToPath(new URL('../../dist/schema/own.js', import.meta.url));

/** One of each kind, the wrong ones for nearly every field. */
const KINDS: unknown[] = [
  null,
  true,
  -1,
  0,
  1.5,
  1e9,
  '',
  'a',
  '*',
  '../x',
  'con',
  '0s',
  '10m',
  'é\n\u0000',
  'x'.repeat(60_000),
  '2026-11-20T10:30:00Z',
  '2026-02-30T10:30:00Z',
  [],
  ['a', 'a', null, 3, ''],
  {},
  { a: 1, 'b c': null },
  { type: 'object' },
];

/** Values for a schema: none of its fields, then each field, at any depth, with each kind and with its examples. */
function valuesFor(root: SchemaNode, node: SchemaNode = root, depth = 0): unknown[] {
  const inner: unknown[] = [...KINDS, ...(node.examples ?? []), ...(node.enum ?? []), node.default];
  if (depth > 4) return inner;
  for (const [key, child] of Object.entries(node.properties ?? {}))
    for (const value of valuesFor(root, resolveNode(root, child), depth + 1)) inner.push({ [key]: value });
  if (node.items) for (const value of valuesFor(root, resolveNode(root, node.items), depth + 1)) inner.push([value]);
  const extra = (node as { additionalProperties?: SchemaNode }).additionalProperties;
  if (extra !== undefined && typeof extra === 'object')
    for (const value of valuesFor(root, resolveNode(root, extra), depth + 1)) inner.push({ some: value });
  return inner;
}

/** Good ones with several fields, and ones with several faults at once. */
const WHOLE: unknown[] = [
  { type: 'task', from: 'laptop', priority: 'normal', options: { model: 'sonnet', max_turns: 20 } },
  { type: 'chat', prioirty: 'high', attachments: ['a.png', '../b'], options: { modle: 'opus' }, created: 'soon' },
  { options: { output_format: 'text', output_schema: { type: 'object' } } },
  { host: 'h', key: 'short', serve: ['a', 'con', '-'], limit: {}, limits: { timeout: '0s', concurrency: 0 } },
  { runners: { claude: { env: { 'A B': 'x', OK: 1 }, profiles: { p: { senders: 'a' } } }, other: 1 }, allow: 3 },
  Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`k${i}`, i])),
];

interface Own {
  validateConfig: typeof validateConfig;
  validateMessageFields: typeof validateMessageFields;
}

describe('dist/schema/own-validators.js', () => {
  it.each(['message', 'config'] as const)('finds the same problems of a %s', async (name) => {
    const own = (await import(pathToFileURL(built).href)) as Own;
    const check = name === 'config' ? validateConfig : validateMessageFields;
    const checkBuilt = name === 'config' ? own.validateConfig : own.validateMessageFields;
    const values = [...valuesFor(readOwnSchema(name)), ...WHOLE];
    let good = 0;
    for (const value of values) {
      const problems = check(value);
      good += problems.length === 0 ? 1 : 0;
      expect(checkBuilt(value), JSON.stringify(value)?.slice(0, 300)).toEqual(problems);
    }
    expect(values.length).toBeGreaterThan(500);
    expect(good).toBeGreaterThan(50);
    expect(values.length - good).toBeGreaterThan(300);
  });

  it('loads neither ajv, re2js nor gray-matter; a schema of a stranger does', () => {
    const script = `
      import { createRequire } from 'node:module';
      const { validateConfig, validateMessageFields } = await import(${JSON.stringify(pathToFileURL(built).href)});
      await import(${JSON.stringify(pathToFileURL(built.replace('schema/own.js', 'format/message.js')).href)});
      const loaded = () => Object.keys(createRequire(import.meta.url).cache)
        .map((path) => path.split(/[\\\\/]node_modules[\\\\/]/).at(-1).replaceAll('\\\\', '/'))
        .filter((path) => /^(ajv|re2js|gray-matter)/.test(path)).sort();
      validateConfig({ serve: 3 });
      validateMessageFields({ created: 'soon' });
      const own = loaded();
      validateMessageFields({ options: { output_format: 'json', output_schema: { pattern: 'a' } } });
      console.log(JSON.stringify({ own, strange: loaded() }));`;
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    const { own, strange } = JSON.parse(said) as { own: string[]; strange: string[] };
    // The small functions that the generated code calls, and nothing else of them.
    expect(own.filter((path) => !/^ajv\/dist\/runtime\/|^ajv-formats\/dist\/formats\.js$/.test(path))).toEqual([]);
    expect(strange).toContain('ajv/dist/core.js');
  });
});
