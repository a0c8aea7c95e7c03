import { posix } from 'node:path';

/** Where a file lies, in parts that are merged apart. */
export interface Location {
  /** Mailbox and state (`mailboxes/server/complete`) of a message; the folder of any other file. */
  place: string;
  /** Of a message: its mailbox and state. */
  mailbox?: string;
  state?: string;
  /** `2026-11` when retention put the message into a month folder, else empty. A month is no change of place. */
  month: string;
  name: string;
}

const MESSAGE = /^(mailboxes\/([^/]+)\/(inbox|in_progress|complete|failed))\/(?:(\d{4}-\d\d)\/)?([^/]+\.md)$/;

/** Where both sides moved a message, the state later in this list stands. */
const RANKS = ['in_progress', 'inbox', 'failed', 'complete'];

export function locate(path: string): Location {
  const match = MESSAGE.exec(path);
  if (match === null) {
    const folder = posix.dirname(path);
    return { place: folder === '.' ? '' : folder, month: '', name: posix.basename(path) };
  }
  const [, place = '', mailbox = '', state = '', month = '', name = ''] = match;
  return { place, mailbox, state, month, name };
}

/** The path of a name in a place. */
export function pathOf({ place, month, name }: Pick<Location, 'place' | 'month' | 'name'>): string {
  return [place, month, name].filter((part) => part !== '').join('/');
}

/** Whether going from one path to the other is a person's command: not a month folder, a name, or a claim being shown. */
export function isPersonsMove(from: string, to: string): boolean {
  const [before, after] = [locate(from), locate(to)];
  if (before.place === after.place) return false;
  return after.state !== 'in_progress' || after.mailbox !== before.mailbox;
}

/** Where a file lies that both sides may have moved. Place, month and name are merged apart; the same either way round. */
export function mergePaths(base: string, ours: string, theirs: string): string {
  const [b, o, t] = [locate(base), locate(ours), locate(theirs)];
  const chosen = mergePart(b, o, t, (side) => side.place, comparePlaces);
  const there = [o, t].filter((side) => side.place === chosen.place);
  const [one = chosen, other = one] = there;
  const origin = b.place === chosen.place ? b : { ...b, month: '' };
  const { month } = mergePart(origin, one, other, (side) => side.month, compareMonths);
  const { name } = mergePart(b, o, t, (side) => side.name, compareNames);
  return pathOf({ place: chosen.place, month, name });
}

/** Of two paths of the same message, the one that stands. */
export function choosePath(one: string, other: string): string {
  const order = comparePlaces(locate(one), locate(other)) || compareText(one, other);
  return order >= 0 ? one : other;
}

function mergePart(
  base: Location,
  ours: Location,
  theirs: Location,
  part: (side: Location) => string,
  compare: (one: Location, other: Location) => number,
): Location {
  if (part(ours) === part(base)) return theirs;
  if (part(theirs) === part(base)) return ours;
  return compare(ours, theirs) >= 0 ? ours : theirs;
}

function comparePlaces(one: Location, other: Location): number {
  return RANKS.indexOf(one.state ?? '') - RANKS.indexOf(other.state ?? '') || compareText(one.place, other.place);
}

const compareMonths = (one: Location, other: Location): number => compareText(one.month, other.month);
const compareNames = (one: Location, other: Location): number => compareText(one.name, other.name);

/** By code unit: the same on every host, whatever its language. */
export function compareText(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
