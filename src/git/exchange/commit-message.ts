/** What a commit of the exchange says: a title for people, trailers for programs. */
import { locate } from '../../core/merge.js';
import type { HeldState } from '../held.js';
import type { LocalChange } from '../working-tree.js';
import type { LocalNews } from './news.js';
import type { ExchangeState, SeenClaim } from './state.js';

/** `server: 3 complete, 1 failed · 2 changes`. */
export function titleOf(
  news: LocalNews,
  ended: readonly HeldState[],
  folded: readonly SeenClaim[],
  refused: number,
): string {
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
  const boxes = [
    ...new Set([
      ...ended.map(({ mailbox }) => mailbox),
      ...folded.map(({ claim }) => locate(claim.path).mailbox ?? ''),
    ]),
  ];
  const parts = [
    ended.length + folded.length > 0 && `finish ${boxes.join(', ')}: ${count(ended.length + folded.length, 'message')}`,
    news.open.length > 0 && describeChanges(news.open),
    refused > 0 && `take out ${count(refused, 'path')} that must not travel`,
  ].filter((part) => part !== false);
  return parts.length > 0 ? parts.join('; ') : 'bring local commits';
}

function describeChanges(open: readonly LocalChange[]): string {
  const added = open.filter(({ before, path }) => !before && path.includes('/inbox/'));
  const boxes = [...new Set(added.map(({ path }) => locate(path).mailbox ?? ''))];
  const isOnlySent = added.length === open.length;
  const [count, what] = isOnlySent ? [added.length, 'message'] : [open.length, 'file'];
  return `${isOnlySent ? `send ${boxes.join(', ')}` : 'change'}: ${count} ${what}${count === 1 ? '' : 's'}`;
}

export function trailersOf(
  { settings }: ExchangeState,
  ended: readonly HeldState[],
  folded: readonly SeenClaim[],
): string[] {
  return [
    `Mailboxd-Host: ${settings.host}`,
    ...ended.map(({ id, epoch }) => `Mailboxd-Finished: ${id} ${epoch}`),
    ...folded.flatMap(({ oid, claim }) => [
      `Mailboxd-Finished: ${claim.id ?? claim.key} ${claim.epoch}`,
      `Mailboxd-Folded: ${oid}`,
    ]),
  ];
}
