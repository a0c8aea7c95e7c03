import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/format/config.js';
import { parseYaml } from '../../src/format/yaml.js';
import { validateMessageFields } from '../../src/schema/index.js';
import { readTable, renderTable } from './field-table.js';

function blocksOf(page: string, language: string): string[] {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), 'utf8');
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map((match) => match[1] ?? '');
}

/** To bring the pages in step again: UPDATE_DOCS=1 npx vitest run tests/schema/docs.test.ts */
describe('the tables in docs/', () => {
  it('docs/config.md has every key of the schema, its default and its meaning', () => {
    const wanted = renderTable('config', () => true, 'default');
    expect(readTable('config.md', 'config', wanted)).toBe(wanted.trim());
  });

  it('docs/messages.md has every field that a sender writes', () => {
    const wanted = renderTable('message', (_, { $comment }) => $comment !== 'engine', 'example');
    expect(readTable('messages.md', 'fields', wanted)).toBe(wanted.trim());
  });

  it('docs/messages.md has every field that the engine writes', () => {
    const wanted = renderTable('message', (_, { $comment }) => $comment === 'engine', 'example');
    expect(readTable('messages.md', 'engine', wanted)).toBe(wanted.trim());
  });
});

describe('the examples in docs/', () => {
  it('docs/config.md shows configurations that can be used', () => {
    const blocks = blocksOf('config.md', 'yaml');
    expect(blocks.length).toBeGreaterThan(1);
    for (const block of blocks) parseConfig(block, 'docs/config.md', { root: '/r', host: 'h', key: 'k'.repeat(22) });
  });

  it('docs/messages.md shows messages that can be used', () => {
    const fronts = blocksOf('messages.md', 'markdown').flatMap((block) => /^---\n(.*?)^---$/ms.exec(block)?.[1] ?? []);
    expect(fronts.length).toBeGreaterThan(2);
    for (const front of fronts)
      expect(validateMessageFields(parseYaml(front, { what: 'docs/messages.md' }))).toEqual([]);
  });
});
