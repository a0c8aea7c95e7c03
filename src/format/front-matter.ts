/**
 * Front matter: where it begins and ends, what it says, and how to change one field without touching any other byte.
 *
 * gray-matter reads it, but only ever sees a block that was cut out and checked here: on its own it evaluates
 * `---js` blocks, closes a block at `---foo`, lets an unclosed block swallow the body, and caches by content.
 */
import { createRequire } from 'node:module';
import type matter from 'gray-matter';
import { isMap, isNode, isScalar, type Pair } from 'yaml';
import { MailboxError } from '../core/errors.js';
import { scanOwnBlock } from './own-block.js';
import { MAX_YAML_BYTES, parseYaml, parseYamlDocument, renderFlow, scalarSource } from './yaml.js';

const WHAT = 'front matter';
const require = createRequire(import.meta.url);
/** Fields whose text counts as written, even where YAML would read a number or a boolean. */
const TEXT_FIELDS = [
  'id',
  'from',
  'to',
  'subject',
  'context',
  'thread',
  'in_reply_to',
  'created',
  'not_before',
  'timeout',
];

export interface SplitText {
  /** A byte order mark, or nothing. */
  bom: string;
  /** The block's lines without the `---` lines; undefined when there is none. */
  block: string | undefined;
  /** The opening and closing line with their line ends, as written. */
  open: string;
  close: string;
  body: string;
  /** The line end that the file uses. */
  eol: '\n' | '\r\n';
}

/** Cuts a message's text into front matter and body. Only `---` alone on the first line opens a block. Throws `invalid`. */
export function splitFrontMatter(text: string): SplitText {
  const bom = text.startsWith('\ufeff') ? '\ufeff' : '';
  const rest = text.slice(bom.length);
  const eol = /^[^\n]*\r\n/.test(rest) ? '\r\n' : '\n';
  const open = /^---[ \t]*(?:\r?\n|$)/.exec(rest)?.[0];
  if (open === undefined) {
    const fence = /^---\s*([A-Za-z][^\n]{0,40})\r?\n/.exec(rest)?.[1];
    if (fence !== undefined && /^(js|javascript|json|coffee|cson|toml|yaml|yml)\b/i.test(fence.trim())) {
      throw new MailboxError('invalid', `${WHAT}: found a first line "---${fence.trim()}", expected "---" alone`, {
        hint: 'only YAML is read; nothing in a message is ever run as code',
      });
    }
    return { bom, block: undefined, open: '', close: '', body: rest, eol };
  }
  const after = rest.slice(open.length, open.length + MAX_YAML_BYTES + 8);
  const end = /^---[ \t]*(?:\r?\n|$)/m.exec(after);
  if (!end) {
    throw new MailboxError('invalid', `${WHAT}: found no closing "---" within ${MAX_YAML_BYTES} bytes`, {
      hint: 'close the block with a line of three hyphens, or begin the file with something other than "---"',
    });
  }
  const block = after.slice(0, end.index);
  const stray = /^(---|\.\.\.).*$/m.exec(block)?.[0];
  if (stray !== undefined) {
    throw new MailboxError('invalid', `${WHAT}: found the line ${JSON.stringify(stray.slice(0, 40))} inside it`, {
      hint: 'no line of the block may begin with "---" or "..."',
    });
  }
  return { bom, block, open, close: end[0], body: rest.slice(open.length + end.index + end[0].length), eol };
}

/** Loaded when it is first needed: it brings a second YAML parser along, and what mailboxd wrote needs neither. */
function loadGrayMatter(): typeof matter {
  return require('gray-matter') as typeof matter;
}

function forbidden(): never {
  throw new MailboxError('invalid', `${WHAT}: only YAML is read`);
}

/** The fields of a block, as an object of plain values. Throws `invalid` when it is anything else. */
export function readFields(block: string): Record<string, unknown> {
  const own = scanOwnBlock(block)?.fields;
  if (own && TEXT_FIELDS.every((key) => own[key] === undefined || typeof own[key] === 'string')) return own;
  return parseFields(block);
}

/** The same by gray-matter and the YAML parser, for whatever a person wrote. */
export function parseFields(block: string): Record<string, unknown> {
  const engine = {
    parse: (input: string): object => ({ value: parseYaml(input, { what: WHAT }) }),
    stringify: forbidden,
  };
  const off = { parse: forbidden, stringify: forbidden };
  // gray-matter leaves the carriage return of the last line in its value
  const lines = block.replace(/\r\n/g, '\n');
  const read = loadGrayMatter()(`---\n${lines}${lines.endsWith('\n') || lines === '' ? '' : '\n'}---\n`, {
    language: 'yaml',
    engines: { yaml: engine, json: off, js: off, javascript: off, coffee: off, cson: off, toml: off },
  });
  const data: unknown = (read.data as { value?: unknown }).value;
  if (data === undefined || data === null) return {};
  if (typeof data !== 'object' || Array.isArray(data)) {
    throw new MailboxError(
      'invalid',
      `${WHAT}: found ${Array.isArray(data) ? 'a list' : `the text ${JSON.stringify(data).slice(0, 42)}`}, expected fields`,
      {
        hint: 'write one "field: value" a line',
      },
    );
  }
  const fields = data as Record<string, unknown>;
  let document: ReturnType<typeof parseYamlDocument> | undefined;
  for (const key of TEXT_FIELDS) {
    const value = fields[key];
    if (value === null) delete fields[key];
    if (typeof value === 'number' || typeof value === 'boolean') {
      document ??= parseYamlDocument(block, WHAT);
      fields[key] = scalarSource(document, key) ?? String(value);
    }
  }
  return fields;
}

function keyOf(pair: Pair): string | undefined {
  return isScalar(pair.key) ? String(pair.key.value) : undefined;
}

/** From the start of the pair's line to the end of its last line, as offsets into the block. */
function linesOf(block: string, pair: Pair): [number, number] {
  const key = isNode(pair.key) ? pair.key.range : undefined;
  const value = isNode(pair.value) ? pair.value.range : undefined;
  const start = block.lastIndexOf('\n', (key?.[0] ?? 0) - 1) + 1;
  const last = Math.max(start, (value?.[1] ?? key?.[1] ?? 0) - 1);
  const end = block.indexOf('\n', last);
  return [start, end === -1 ? block.length : end + 1];
}

function renderField(key: string, value: unknown, indent: string, eol: string): string {
  if (Array.isArray(value) && value.length > 0 && value.every((item) => item !== null && typeof item === 'object')) {
    return `${indent}${key}:${eol}${value.map((item) => `${indent}  - ${renderFlow(item)}${eol}`).join('')}`;
  }
  return `${indent}${key}: ${renderFlow(value)}${eol}`;
}

/** The changes that change something: a field that has its value already stays as it was written. */
function realChanges(changes: Record<string, unknown>, current: (key: string) => unknown): Record<string, unknown> {
  const isSame = (key: string, value: unknown): boolean =>
    value !== undefined && (value === null || typeof value !== 'object') && current(key) === value;
  return Object.fromEntries(Object.entries(changes).filter(([key, value]) => !isSame(key, value)));
}

/**
 * The block with some fields set (or, with undefined, removed) and every other byte as it was. New fields go to the
 * end. Throws `invalid` where fields cannot be added line by line (a block that is one `{…}`).
 */
export function editBlock(block: string, wanted: Record<string, unknown>, eol: '\n' | '\r\n'): string {
  const own = scanOwnBlock(block);
  if (own) {
    const changes = realChanges(wanted, (key) => (Object.hasOwn(own.fields, key) ? own.fields[key] : undefined));
    const cuts = own.lines.filter(({ key }) => Object.hasOwn(changes, key));
    return replaceLines(
      block,
      cuts.map(({ start, end }) => [start, end]),
      changes,
      '',
      eol,
    );
  }
  const document = parseYamlDocument(block, WHAT);
  const map = document.contents;
  if (isMap(map) && map.flow && map.items.length > 0) {
    throw new MailboxError('invalid', `${WHAT}: found one {…} for all fields, expected one field a line`, {
      hint: 'write "to: server" and so on, each on its own line',
    });
  }
  const changes = realChanges(wanted, (key) =>
    TEXT_FIELDS.includes(key) ? scalarSource(document, key) : isMap(map) ? map.get(key) : undefined,
  );
  const pairs = isMap(map) ? map.items : [];
  const first = pairs[0] ? linesOf(block, pairs[0])[0] : 0;
  const indent = pairs[0] ? (/^[ ]*/.exec(block.slice(first))?.[0] ?? '') : '';
  const cuts = pairs.filter((pair) => Object.hasOwn(changes, keyOf(pair) ?? '')).map((pair) => linesOf(block, pair));
  return replaceLines(isMap(map) && map.flow ? '' : block, cuts, changes, indent, eol);
}

function replaceLines(
  block: string,
  cuts: [number, number][],
  changes: Record<string, unknown>,
  indent: string,
  eol: string,
): string {
  let kept = '';
  let at = 0;
  for (const [start, end] of cuts) {
    kept += block.slice(at, start);
    at = end;
  }
  kept += block.slice(at);
  if (kept !== '' && !kept.endsWith('\n')) kept += eol;
  for (const [key, value] of Object.entries(changes))
    if (value !== undefined) kept += renderField(key, value, indent, eol);
  return kept;
}
