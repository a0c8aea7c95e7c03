/**
 * `in_progress` on main: shown together with a renewal of the claim, in one atomic push, when main is free; never
 * otherwise, for without that fence it could undo a task that has finished.
 */
import { locate } from '../../core/merge.js';
import { MailboxError } from '../../core/errors.js';
import { assembleMessage, parseMessage } from '../../format/message.js';
import type { HeldState } from '../held.js';
import { blobOid, type TreeEntry } from '../objects.js';
import { BASE_REF } from '../ref-names.js';
import { isAccepted } from '../remote.js';
import { readGit } from '../run.js';
import { editTree, findEntry } from '../trees.js';
import { renewalUpdate } from './claim.js';
import { noteKnown } from './known.js';
import { treeOf, withRefs, type ExchangeState } from './state.js';

/** Shows what main does not show yet of `due`, renewing those claims. Returns the ones it renewed. */
export async function showRunning(state: ExchangeState, due: readonly HeldState[]): Promise<HeldState[]> {
  const { objects } = state.repository;
  const main = state.view.main;
  if (main === undefined || state.contention > 0) return [];
  const tree = await treeOf(state, main);
  const shown: { held: HeldState; as: { path: string; blob: string }; entry: TreeEntry }[] = [];
  for (const held of due) {
    if (!held.isActive || held.shown || held.current === undefined) continue;
    const entry = await findEntry(objects, tree, held.path);
    const { mailbox = '', name } = locate(held.path);
    const path = `mailboxes/${mailbox}/in_progress/${name}`;
    if (entry?.oid !== held.blob || path === held.path || (await findEntry(objects, tree, path))) continue;
    const blob = await withId(state, held);
    if (blob !== undefined) shown.push({ held, as: { path, blob }, entry });
  }
  if (shown.length === 0) return [];
  const edits = new Map<string, TreeEntry | undefined>();
  for (const { held, as, entry } of shown) {
    edits.set(held.path, undefined);
    edits.set(as.path, { ...entry, oid: as.blob });
    held.shown = as;
  }
  const boxes = [...new Set(shown.map(({ held }) => held.mailbox))].join(', ');
  const title = `claim ${boxes}: ${shown.length} message${shown.length === 1 ? '' : 's'}`;
  const trailers = shown.map(({ held }) => `Mailboxd-Claimed: ${held.id} ${held.epoch}`);
  const commit = await objects.writeCommit({
    tree: await editTree(objects, tree, edits),
    parents: [main],
    message: `${title}\n\nMailboxd-Host: ${state.settings.host}\n${trailers.join('\n')}\n`,
    identity: state.repository.identity,
    time: state.instant().wall / 1000,
  });
  const renewals = [];
  for (const { held } of shown) renewals.push(await renewalUpdate(state, held));
  await state.held.save();
  const sent = state.instant();
  for (const [index, { held }] of shown.entries()) held.lastTry = { oid: renewals[index]?.to ?? '', sent };
  const result = await state.remote.push([{ ref: 'refs/heads/main', from: main, to: commit }, ...renewals], {
    atomic: true,
  });
  if (!isAccepted(result)) {
    state.contention += 1;
    // Where it landed after all, the next look finds this claim on the remote, and with it what is shown.
    for (const { held } of shown) delete held.shown;
    return [];
  }
  for (const [index, { held }] of shown.entries()) {
    held.current = renewals[index]?.to ?? undefined;
    held.sent = sent;
  }
  const refs = shown.map(({ held }): [string, string | undefined] => [`claims/${held.key}`, held.current]);
  state.view = withRefs({ ...state.view, main: commit }, refs);
  noteKnown(state);
  if (state.base !== undefined) {
    state.base = await editTree(objects, state.base, edits);
    await readGit(state.repository.dir, ['update-ref', BASE_REF, state.base]);
  }
  return shown.map(({ held }) => held);
}

/** The message's blob as it is shown: with its id, when it had none. Undefined for one that cannot be read. */
async function withId(state: ExchangeState, held: HeldState): Promise<string | undefined> {
  if (!held.key.startsWith('file.')) return held.blob;
  const { objects } = state.repository;
  try {
    const text = assembleMessage(parseMessage(await objects.readBlob(held.blob), ''), { id: held.id });
    const bytes = Buffer.from(text);
    await objects.writeBlob(bytes);
    return blobOid(bytes);
  } catch (error) {
    if (error instanceof MailboxError && error.code === 'invalid') return undefined;
    throw error;
  }
}
