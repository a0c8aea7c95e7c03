/**
 * YAML from strangers. Parsing is the dangerous part (alias bombs, nesting that aborts the process, quadratic key
 * checks), so the iterative lexer looks first and the parser sees only what is small, flat and without anchors.
 */
import { type Document, Lexer, isScalar, parseDocument } from 'yaml';
import { MailboxError } from '../core/errors.js';

export const MAX_YAML_BYTES = 64 * 1024;
const MAX_DEPTH = 32;
const MAX_KEYS = 2_000;
const MAX_INDENT = 128;

// The lexer marks its tokens with these control characters; none may stand in the text itself.
export const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufeff]/;

function refuse(what: string, found: string, expected: string): never {
  throw new MailboxError('invalid', `${what}: found ${found}, expected ${expected}`, {
    hint: 'mend it in any editor; docs/messages.md and docs/config.md show the fields',
  });
}

function checkShape(text: string, what: string): void {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_YAML_BYTES) refuse(what, `${bytes} bytes`, `at most ${MAX_YAML_BYTES}`);
  const control = CONTROL.exec(text);
  if (control)
    refuse(what, `the control character U+${control[0].charCodeAt(0).toString(16).padStart(4, '0')}`, 'text');
  for (const line of text.split('\n')) {
    const indent = /^[\s\-?:]*/.exec(line)?.[0].length ?? 0;
    if (indent > MAX_INDENT && line.trim()) refuse(what, `a line indented by ${indent}`, `at most ${MAX_INDENT}`);
  }
  let depth = 0;
  let keys = 0;
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') depth += 1;
    else if (token === ']' || token === '}') depth -= 1;
    else if (token === ':') keys += 1;
    else if (token === '-') keys += 1;
    else if (token.startsWith('&') || token.startsWith('*'))
      refuse(what, `the anchor or alias ${token.slice(0, 20)}`, 'plain values');
    else if (token.startsWith('!')) refuse(what, `the tag ${token.slice(0, 20)}`, 'plain values');
    if (depth > MAX_DEPTH) refuse(what, `brackets nested more than ${MAX_DEPTH} deep`, 'a flatter value');
    if (keys > MAX_KEYS) refuse(what, `more than ${MAX_KEYS} keys and items`, 'fewer');
  }
}

/** The parsed document with the source positions of its nodes. Throws `invalid`, naming `what`, line and reason. */
export function parseYamlDocument(text: string, what: string): Document.Parsed {
  checkShape(text, what);
  let document: Document.Parsed;
  try {
    document = parseDocument(text, {
      version: '1.2',
      schema: 'core',
      strict: true,
      uniqueKeys: true,
      prettyErrors: true,
    });
  } catch (cause) {
    throw new MailboxError('invalid', `${what} cannot be read as YAML`, {
      cause,
      hint: 'write one "field: value" a line',
    });
  }
  const problem = document.errors[0];
  if (problem?.code === 'DUPLICATE_KEY') {
    const key = /^(?:"[^"\n]{0,60}"|'[^'\n]{0,60}'|[^\s:,{}[\]]{1,60})/.exec(text.slice(problem.pos[0]))?.[0] ?? '';
    const line = problem.linePos?.[0].line;
    throw new MailboxError('invalid', `${what}: found the field ${key} twice${line ? `, again in line ${line}` : ''}`, {
      hint: 'keep one of the two',
    });
  }
  if (problem) {
    throw new MailboxError(
      'invalid',
      `${what} cannot be read as YAML: ${problem.message.split('\n')[0]?.slice(0, 200).replace(/:$/, '')}`,
      {
        hint: 'put quotes round values that hold ": ", "#" or begin with a bracket',
      },
    );
  }
  return document;
}

/** The plain value of a YAML text. Throws `invalid`. */
export function parseYaml(text: string, options: { what: string }): unknown {
  return parseYamlDocument(text, options.what).toJS({ maxAliasCount: 0 });
}

/** The text of a scalar as it was written (`0123`, `1.10`), where YAML would have made it a number. */
export function scalarSource(document: Document.Parsed, key: string): string | undefined {
  const node = document.get(key, true);
  return isScalar(node) && node.value !== null ? (node.source ?? JSON.stringify(node.value)) : undefined;
}

/** Whether a key needs no quotes: YAML would make `null: 1` a field without a name. */
function isPlainKey(key: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) && !/^(?:null|true|false)$/i.test(key);
}

/** JSON takes them as they are; YAML, or some reader of it, does not. */
const UNPRINTABLE = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** One value in YAML flow style that any reader takes alike: strings always in double quotes. */
export function renderFlow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(renderFlow).join(', ')}]`;
  if (value !== null && typeof value === 'object') {
    const pairs = Object.entries(value).filter(([, v]) => v !== undefined);
    if (pairs.length === 0) return '{}';
    return `{ ${pairs.map(([k, v]) => `${isPlainKey(k) ? k : renderFlow(k)}: ${renderFlow(v)}`).join(', ')} }`;
  }
  return (JSON.stringify(value) ?? 'null').replace(UNPRINTABLE, escapeUnit);
}
