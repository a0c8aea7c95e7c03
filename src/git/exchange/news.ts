/** What is in the folders here, sorted by whose it is to publish. */
import { STATES } from '../../core/message.js';
import { idOf } from '../../format/id-of.js';
import { listHidden, listMailboxes } from '../../store/list.js';
import { runGit } from '../run.js';
import { findEntry } from '../trees.js';
import type { LocalChange } from '../working-tree.js';
import type { ExchangeState } from './state.js';

export interface LocalNews {
  /**
   * The person's branch, read before the folders: all that it holds is in them. (A commit made since may hold files that
   * this look at the folders did not find; to carry it would pass them off as brought.)
   */
  head: string | undefined;
  /** Anyone's to bring: a person's changes. */
  open: LocalChange[];
  /** By key: of messages that this host has claimed. */
  claimed: Map<string, LocalChange[]>;
  /** Not to be published as they are. */
  withheld: { change: LocalChange; why: string }[];
  /** Keys of claims whose runs were over before the folders were looked at: what was found of these is their end. */
  ended: ReadonlySet<string>;
}

/** To be asked before the folders are looked at: a run that ends meanwhile may have been found in the middle. */
export function endedNow({ held }: ExchangeState): Set<string> {
  return new Set([...held.all.values()].filter(({ isEnded }) => isEnded).map(({ key }) => key));
}

/** Sorts what the scan found. */
export async function sortNews(
  state: ExchangeState,
  found: Map<string, LocalChange>,
  { ended = new Set(), head }: { ended?: ReadonlySet<string>; head?: string | undefined } = {},
): Promise<LocalNews> {
  const news: LocalNews = { head, open: [], claimed: new Map(), withheld: [], ended };
  const running = new Set<string>();
  const byPath = new Map([...state.held.all.values()].map((held) => [held.path, held]));
  for (const change of found.values()) {
    const id = await idOfChange(state, change);
    const held = (id === undefined ? undefined : state.held.byId(id)) ?? byPath.get(change.path);
    // It runs here, claimed or not: what is in the file by now is nobody's to publish.
    if (
      !held &&
      change.after &&
      change.path.includes('/in_progress/') &&
      hasClaim(change.after.bytes, state.settings.host)
    ) {
      running.add(change.path.split('/').at(-1) ?? '');
      continue;
    }
    if (held) news.claimed.set(held.key, [...(news.claimed.get(held.key) ?? []), change]);
    else {
      news.open.push(change);
    }
  }
  await withholdForged(state, news);
  // Before what is being moved joins it: a file that comes to such a place is as good as any.
  const known = state.withheld;
  state.withheld = new Map(news.withheld.map(({ change, why }) => [change.path, why]));
  for (const [path, why] of state.withheld)
    if (known.get(path) !== why) state.hooks.onEvent({ type: 'trouble', message: `${path} is not sent: ${why}` });
  withholdMoving(state, news);
  if (running.size > 0) {
    const isLeft = ({ path, after }: LocalChange): boolean => !after && running.has(path.split('/').at(-1) ?? '');
    for (const change of news.open.filter(isLeft)) news.withheld.push({ change, why: 'it runs here' });
    news.open = news.open.filter((change) => !isLeft(change));
  }
  return news;
}

/** What messages in files of this name said on main, in the newest commits that touched them. */
async function onMainBefore({ repository, view }: ExchangeState, name: string): Promise<Buffer[]> {
  if (view.main === undefined) return [];
  const where = ['', '*/'].map((month) => `:(top,glob)mailboxes/*/*/${month}${name.replace(/[\\*?[\]]/g, '?')}`);
  const flags = ['-n', '5', '--first-parent', '-m', '--raw', '--no-abbrev', '--no-renames', '--format='];
  const { code, stdout } = await runGit(repository.dir, ['log', ...flags, view.main, '--', ...where]);
  if (code !== 0) return [];
  const oids = new Set(stdout.toString('latin1').match(/\b[0-9a-f]{40}\b/g) ?? []);
  oids.delete('0'.repeat(40));
  return Promise.all([...oids].slice(0, 20).map((oid) => repository.objects.readBlob(oid)));
}

/** What is being moved at this moment, under a hidden name or to a place where it has just arrived, is not gone. */
function withholdMoving(state: ExchangeState, news: LocalNews): void {
  const gone = news.open.filter(({ path, after }) => !after && path.startsWith('mailboxes/') && path.endsWith('.md'));
  if (gone.length === 0) return;
  const { dir } = state.repository;
  const moving = listMailboxes(dir).flatMap((mailbox) => STATES.flatMap((folder) => listHidden(dir, mailbox, folder)));
  const coming = [...state.working.unready].map((path) => path.slice(path.lastIndexOf('/') + 1));
  for (const change of gone) {
    const name = change.path.slice(change.path.lastIndexOf('/') + 1);
    const isComing = coming.some((other) => other === name || other.startsWith(`${name.slice(0, -3)}-`));
    const isHidden = moving.some((hidden) => !hidden.startsWith('.held~') && hidden.endsWith(`~${name}`));
    if (!isComing && !isHidden) continue;
    news.withheld.push({ change, why: 'it is being moved' });
    news.open.splice(news.open.indexOf(change), 1);
    state.again = Math.min(state.again ?? MOVING, MOVING);
  }
}

/** How soon a file that is being moved is looked for again, ms. */
const MOVING = 100;

/** Takes out what would pass for the work of a worker that nobody vouches for. */
async function withholdForged(state: ExchangeState, news: LocalNews): Promise<void> {
  const suspects = news.open.filter(({ path, after }) => after && /\/(inbox|in_progress)\/[^/]+\.md$/.test(path));
  if (suspects.length === 0) return;
  const { objects } = state.repository;
  const held = new Set<LocalChange>();
  let earlier: Map<string | undefined, Buffer[]> | undefined;
  for (const change of suspects) {
    if (
      !change.after ||
      !/^(seal|claim|epoch|attempts|crashes|runs|result|retry_at|fingerprint|copied_from)\b/m.test(
        change.after.bytes.subarray(0, 66_000).toString('latin1'),
      )
    )
      continue;
    earlier ??= await earlierById(state, news);
    const before = [...(earlier.get(idOf(change.after.bytes)) ?? [])];
    const name = change.path.split('/').at(-1) ?? '';
    for (const folder of STATES) {
      const [, mailbox = ''] = change.path.split('/');
      const entry = await findEntry(objects, state.base, `mailboxes/${mailbox}/${folder}/${name}`);
      if (entry?.mode.startsWith('100')) before.push(await objects.readBlob(entry.oid));
    }
    if (state.hooks.withhold(change.path, change.after.bytes, before) === undefined) continue;
    const past = await onMainBefore(state, name);
    const why = state.hooks.withhold(change.path, change.after.bytes, past);
    if (why === undefined) continue;
    held.add(change);
    news.withheld.push({ change, why });
  }
  news.open = news.open.filter((change) => !held.has(change));
}

/** What the changed files were before, by id. Read once: a thousand may be moved together. */
async function earlierById(state: ExchangeState, news: LocalNews): Promise<Map<string | undefined, Buffer[]>> {
  const found = new Map<string | undefined, Buffer[]>();
  for (const { before } of news.open) {
    if (!before) continue;
    const bytes = await state.repository.objects.readBlob(before.oid);
    const id = idOf(bytes);
    const same = found.get(id);
    if (same) same.push(bytes);
    else found.set(id, [bytes]);
  }
  return found;
}

/** Whether a worker of this host wrote its claim into the file. */
function hasClaim(bytes: Buffer, host: string): boolean {
  const head = bytes.subarray(0, 66_000).toString('utf8');
  return head.startsWith('---') && /^claim:/m.test(head) && head.includes(`@${host}`);
}

async function idOfChange(state: ExchangeState, { path, before, after }: LocalChange): Promise<string | undefined> {
  if (!path.startsWith('mailboxes/') || !path.endsWith('.md')) return undefined;
  if (after) return idOf(after.bytes);
  return before && idOf(await state.repository.objects.readBlob(before.oid));
}
