/**
 * The `config.yaml` that `init` writes: what was chosen, then every other key with its default, commented out as
 * `#key: value`, below a `# sentence` that says what it does. Both come from schemas/config.schema.json.
 */
import { type SchemaNode, readOwnSchema, resolveNode } from '../schema/own-schema.js';
import { renderFlow } from './yaml.js';

export interface ConfigChoices {
  host: string;
  key: string;
  as: string | undefined;
  serve: string[];
  remote: string | undefined;
  runner: string;
}

const WIDTH = 100;

const HEAD = `# mailboxd on this host. This file stays here: it is never synced, and no message can widen it.
# A line "#key: value" shows a default; take the "#" away to set it. docs/config.md has the same as a table.
`;

/** The sample's text. Without its comments it says what was chosen; with them uncommented, the same. */
export function renderConfigSample(choices: ConfigChoices): string {
  const chosen: Record<string, unknown> = { ...choices };
  const schema = readOwnSchema('config');
  return `${HEAD}${renderKeys(schema, schema, chosen, '')}`;
}

function renderKeys(root: SchemaNode, node: SchemaNode, chosen: Record<string, unknown>, indent: string): string {
  return Object.entries(node.properties ?? {})
    .map(([key, child]) => {
      const schema = resolveNode(root, child);
      const comment = describe(key, schema, WIDTH - indent.length).map((line) => `${indent}# ${line}\n`);
      const lead = `${indent === '' ? '\n' : ''}${comment.join('')}`;
      if (schema.properties) return `${lead}${indent}${key}:\n${renderKeys(root, schema, {}, `${indent}  `)}`;
      const value = chosen[key] ?? schema.default;
      const mark = chosen[key] === undefined ? '#' : '';
      return `${lead}${indent}${mark}${key}:${value === undefined ? '' : ` ${renderPlain(value)}`}\n`;
    })
    .join('');
}

/** The description in lines; an example where the default does not show what a value looks like. */
function describe(key: string, schema: SchemaNode, width: number): string[] {
  const lines = wrap(schema.description ?? '', width);
  const isShown = schema.default === undefined || typeof schema.default === 'object';
  const example: unknown = isShown ? schema.examples?.[0] : undefined;
  return example === undefined ? lines : [...lines, `For example: ${key}: ${renderPlain(example)}`];
}

/** Plain words stand without quotes, as a person would write them. */
function renderPlain(value: unknown): string {
  const isWord =
    typeof value === 'string' && /^[a-z][a-z]*$/.test(value) && !/^(true|false|null|yes|no|on)$/.test(value);
  const isSpan = typeof value === 'string' && /^\d+[a-zA-Z]+$/.test(value) && !/^\d+[eEoxb]/.test(value);
  return isWord || isSpan ? String(value) : renderFlow(value);
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  return [...lines, line];
}
