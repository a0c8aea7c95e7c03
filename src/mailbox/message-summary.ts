/** A message as every front-end tells it to programs: one shape, snake_case, RFC 3339 times. docs/cli.md documents it. */
import type { CatalogRecord } from '../catalog/index.js';
import type { Place } from '../core/message.js';
import { messagePath } from '../store/paths.js';

export interface MessageSummary extends Omit<CatalogRecord, 'updated' | 'mtime' | 'fingerprint'> {
  /** Absolute path of the file. */
  path: string;
  /** RFC 3339 time of the last change. */
  updated: string;
}

export function summaryOf(root: string, record: CatalogRecord): MessageSummary {
  const { updated, mtime: _mtime, fingerprint: _fingerprint, id, mailbox, state, name, ...rest } = record;
  const path = messagePath(root, record);
  return { id, mailbox, state, name, path, ...rest, updated: new Date(updated).toISOString() };
}

/** A place as programs are told it. */
export function placeSummary(root: string, place: Place): Place & { path: string } {
  const { mailbox, state, name } = place;
  return { mailbox, state, name, path: messagePath(root, place) };
}
