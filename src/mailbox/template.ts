/** `templates/<name>.md` of a root: a message with `{{placeholders}}`. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { MailboxError } from '../core/errors.js';
import { splitFrontMatter } from '../format/front-matter.js';
import { decodeText, MAX_MESSAGE_BYTES } from '../format/message.js';
import { readRegular } from '../store/durable.js';

const PLACEHOLDER = /\{\{\s*([A-Za-z_][A-Za-z0-9_-]*)\s*\}\}/g;

export function listTemplates(root: string): string[] {
  try {
    return readdirSync(join(root, 'templates'))
      .filter((name) => /^[A-Za-z0-9][A-Za-z0-9._-]*\.md$/.test(name))
      .map((name) => name.slice(0, -3))
      .toSorted();
  } catch {
    return [];
  }
}

/**
 * The template's text with its placeholders filled in. In the front matter a value becomes part of a double-quoted
 * text, so that it cannot add fields. Throws `not_found`, or `usage` for a value that is missing or has no place.
 */
export function fillTemplate(root: string, name: string, values: Record<string, string>): string {
  const isName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name);
  const file = isName ? readRegular(join(root, 'templates', `${name}.md`), MAX_MESSAGE_BYTES) : undefined;
  if (!file) {
    throw new MailboxError('not_found', `found no template ${JSON.stringify(name.slice(0, 80))}`, {
      hint: `there are in templates/: ${listTemplates(root).join(', ') || 'none'}`,
    });
  }
  const text = decodeText(file.bytes);
  const asked = new Set([...text.matchAll(PLACEHOLDER)].map((match) => match[1] ?? ''));
  const missing = [...asked].filter((key) => !Object.hasOwn(values, key));
  const extra = Object.keys(values).filter((key) => !asked.has(key));
  const want = [...asked].join(', ') || 'none';
  if (missing.length > 0 || extra.length > 0) {
    const found =
      missing.length > 0
        ? `no value for ${missing.join(', ')}`
        : `a value for ${extra.join(', ')}, which it has no place for`;
    throw new MailboxError('usage', `the template ${name} takes ${want}; found ${found}`, {
      hint: missing.length > 0 ? missing.map((key) => `--var ${key}=…`).join(' ') : 'leave it out',
    });
  }
  const fill = (part: string, write: (value: string) => string): string =>
    part.replace(PLACEHOLDER, (_all, key: string) => write(values[key] ?? ''));
  const split = splitFrontMatter(text);
  const body = fill(split.body, (value) => value);
  if (split.block === undefined) return split.bom + body;
  return split.bom + split.open + fill(split.block, (value) => JSON.stringify(value).slice(1, -1)) + split.close + body;
}
