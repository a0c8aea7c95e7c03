/** The tables in docs/: made from the schemas, and compared with what stands in the page. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type SchemaNode, readOwnSchema, resolveNode } from '../../src/schema/own-schema.js';

type Column = 'default' | 'example';

function code(value: unknown): string {
  if (value === undefined) return '';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return `\`${text.replaceAll('|', '\\|')}\``;
}

function meaningOf(schema: SchemaNode): string {
  const text = schema.description ?? '';
  const values = (schema.enum ?? []).filter((value) => !text.includes(String(value)));
  const choice = values.length > 0 ? ` One of ${(schema.enum ?? []).map(code).join(', ')}.` : '';
  return `${text}${choice}`.replaceAll('|', '\\|');
}

function defaultOf(schema: SchemaNode): string {
  if (schema.default !== undefined) return code(schema.default);
  return schema.$comment ?? 'unset';
}

function rowsOf(root: SchemaNode, node: SchemaNode, prefix: string, column: Column): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const schema = resolveNode(root, child);
    const path = `${prefix}${key}`;
    const inner = schema.properties ?? schema.items?.properties;
    const last = column === 'default' ? defaultOf(schema) : inner ? '' : code(schema.examples?.[0]);
    // A mapping of the configuration has no value of its own; one of a message has a meaning.
    const rows = inner && column === 'default' ? [] : [`| \`${path}\` | ${meaningOf(schema)} | ${last} |`];
    const below = { properties: inner ?? {} };
    return [...rows, ...rowsOf(root, below, `${path}${schema.items ? '[]' : ''}.`, column)];
  });
}

/** Rows for the keys of `properties`, each with its description and its default or example. */
export function renderTable(
  name: 'message' | 'config',
  keys: (key: string, node: SchemaNode) => boolean,
  column: Column,
): string {
  const root = readOwnSchema(name);
  const kept = Object.entries(root.properties ?? {}).filter(([key, node]) => keys(key, node));
  const rows = rowsOf(root, { properties: Object.fromEntries(kept) }, '', column);
  const head = `| ${name === 'config' ? 'key' : 'field'} | meaning | ${column} |\n|---|---|---|\n`;
  return `${head}${rows.join('\n')}\n`;
}

/**
 * The part of `docs/<page>` between `<!-- table: <name> -->` and `<!-- /table -->`. With UPDATE_DOCS=1 in the
 * environment `wanted` is written there first.
 */
export function readTable(page: string, name: string, wanted: string): string {
  const path = fileURLToPath(new URL(`../../docs/${page}`, import.meta.url));
  const open = `<!-- table: ${name} -->\n`;
  const text = readFileSync(path, 'utf8');
  const start = text.indexOf(open) + open.length;
  const end = text.indexOf('<!-- /table -->', start);
  if (start < open.length || end === -1) throw new Error(`${page} has no place for the table ${name}`);
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(path, `${text.slice(0, start)}\n${wanted}\n${text.slice(end)}`);
  return readFileSync(path, 'utf8').slice(start).split('<!-- /table -->')[0]?.trim() ?? '';
}
