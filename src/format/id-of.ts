import { readFields, splitFrontMatter } from './front-matter.js';
import { decodeText } from './message.js';

/** The `id` in a file's front matter; undefined when it has none or cannot be read. */
export function idOf(bytes: Uint8Array): string | undefined {
  try {
    const split = splitFrontMatter(decodeText(bytes));
    const id = split.block === undefined ? undefined : readFields(split.block)['id'];
    return typeof id === 'string' ? id : undefined;
  } catch {
    return undefined;
  }
}
