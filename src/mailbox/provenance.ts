/**
 * What this host vouches for when it brings a waiting file to main: fields that only workers write must be its own, or
 * stand on main already in the same message. Any other host that runs it will take them as they are.
 */
import { MailboxError } from '../core/errors.js';
import type { FrontMatter } from '../core/message.js';
import { findForged } from '../format/forged.js';
import { readFields, splitFrontMatter } from '../format/front-matter.js';
import { decodeText } from '../format/message.js';

/** Why the file is not published; undefined: it may be. `before`: what the same message may have been on main. */
export function whyWithheld(key: string, bytes: Uint8Array, before: readonly Uint8Array[]): string | undefined {
  const front = fieldsOf(bytes);
  const field = front && findForged(front, key);
  if (front === undefined || field === undefined) return undefined;
  const isKnown = before.some((other) => {
    const known = fieldsOf(other);
    return known !== undefined && known.id === front.id && known.seal === front.seal && known.seal !== undefined;
  });
  return isKnown ? undefined : `it brings the field "${field}", which only a worker writes; take it out`;
}

function fieldsOf(bytes: Uint8Array): FrontMatter | undefined {
  try {
    const { block } = splitFrontMatter(decodeText(bytes));
    return block === undefined ? undefined : (readFields(block) as FrontMatter);
  } catch (error) {
    if (error instanceof MailboxError) return undefined;
    throw error;
  }
}
