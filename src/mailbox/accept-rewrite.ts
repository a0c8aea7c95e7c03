/**
 * The remote's history is no longer the one that this host knows: rewritten, put back from a backup, emptied, replaced.
 * Whoever accepts that goes on from what is there now, and no file of either side may be taken for deleted. So the base
 * becomes what both surely have: files that were the same at the fork and are so on the new main. What was done to them
 * here since is a change, and a finished task does not run again; everything else here is new, next to everything there.
 */
import { MailboxError } from '../core/errors.js';
import { idOf } from '../format/id-of.js';
import { followMain, isAncestor, readHead } from '../git/checkout.js';
import { setKnown } from '../git/exchange/known.js';
import type { ExchangeState } from '../git/exchange/state.js';
import type { TreeEntry } from '../git/objects.js';
import { BASE_REF, SEEN } from '../git/ref-names.js';
import { BRANCH, findBusy } from '../git/repository.js';
import { gitFault, readGit, runGit } from '../git/run.js';
import { withoutSecret } from '../git/secrets.js';
import { diffTrees, editTree } from '../git/trees.js';
import type { LocalChange } from '../git/working-tree.js';

export interface Accepted {
  /** The tip that this host knew. */
  from: string | undefined;
  /** The tip that it goes on from; undefined: the remote is empty. */
  to: string | undefined;
  /** The branch that keeps what the person's own main had; undefined where it had nothing else. */
  kept: string | undefined;
}

const REWRITTEN = 'refs/mailboxd/rewritten';

/**
 * Undefined when nothing was rewritten. Throws `conflict`, with nothing changed, while a person is in the middle of
 * something or has uncommitted work that stands in the way.
 */
export async function acceptRewrite(state: ExchangeState, at: Date): Promise<Accepted | undefined> {
  const { repository } = state;
  const busy = await findBusy(repository);
  if (busy) throw new MailboxError('conflict', busy.message, { hint: busy.hint });
  // A host that has exchanged and knows no tip any more goes by its branch, which followed.
  const from = state.view.main ?? (state.base && (await readHead(repository)).commit);
  const to = await fetchMain(state);
  try {
    if (from === to) return undefined;
    if (from !== undefined && to !== undefined && (await isAncestor(repository, from, to))) return undefined;
    const base = await commonBase(state, from, to);
    const kept = to === undefined ? undefined : await moveBranch(state, to, at);
    const set = (ref: string, oid: string | undefined): string =>
      oid === undefined ? `delete ${ref}\n` : `update ${ref} ${oid}\n`;
    const input = `${set(`${SEEN}/main`, to)}${set(BASE_REF, base)}`;
    await readGit(repository.dir, ['update-ref', '--stdin'], { input });
    setKnown(repository.ownDir, to);
    return { from, to, kept };
  } finally {
    await runGit(repository.dir, ['update-ref', '-d', REWRITTEN]);
  }
}

/** The remote's main, beside what this host knows of it: a crash before the end must find the rewrite again. */
async function fetchMain({ repository, remote }: ExchangeState): Promise<string | undefined> {
  const { dir } = repository;
  const flags = ['--no-tags', '--no-write-fetch-head', '--update-shallow'];
  const args = ['fetch', ...flags, '--', remote.url, `+refs/heads/${BRANCH}:${REWRITTEN}`];
  const { code, stderr } = await runGit(dir, args);
  if (code === 0) return readGit(dir, ['rev-parse', '--verify', REWRITTEN]);
  if (/couldn't find remote ref/i.test(stderr)) return undefined;
  const where = withoutSecret(remote.url);
  throw new MailboxError('unavailable', `${where}: ${gitFault(args, stderr).message}`, {
    hint: `look whether it can be reached: git ls-remote ${where}`,
  });
}

async function commonBase(
  state: ExchangeState,
  from: string | undefined,
  to: string | undefined,
): Promise<string | undefined> {
  const { repository, working } = state;
  const { objects, dir } = repository;
  if (from === undefined || to === undefined) return undefined;
  const { code, stdout } = await runGit(dir, ['merge-base', from, to]);
  if (code !== 0) return undefined;
  const treeOf = async (commit: string): Promise<string> => (await objects.readCommit(commit)).tree;
  const tree = await treeOf(to);
  const gone = new Map<string, TreeEntry | undefined>();
  for (const [path, { after }] of await diffTrees(objects, await treeOf(stdout.toString('utf8').trim()), tree))
    if (after) gone.set(path, undefined);
  const base = await editTree(objects, tree, gone);
  // What is only gone here comes again; what was moved, as a finished task was, stays moved.
  const found = [...(await working.scan(base)).values()];
  const here = new Set<string>();
  for (const { after } of found) if (after) for (const name of namesOf(after.oid, after.bytes)) here.add(name);
  const back = new Map<string, TreeEntry | undefined>();
  for (const change of found)
    if (!change.after && !(await isElsewhere(state, change, here))) back.set(change.path, undefined);
  return editTree(objects, base, back);
}

function namesOf(oid: string, bytes: Uint8Array): string[] {
  const id = idOf(bytes);
  return id === undefined ? [oid] : [oid, `id ${id}`];
}

async function isElsewhere(
  { repository }: ExchangeState,
  { before }: LocalChange,
  here: ReadonlySet<string>,
): Promise<boolean> {
  if (!before) return false;
  return namesOf(before.oid, await repository.objects.readBlob(before.oid)).some((name) => here.has(name));
}

/** The person's branch follows the new main; what it had is kept under another name, not published again. */
async function moveBranch({ repository }: ExchangeState, to: string, at: Date): Promise<string | undefined> {
  const { dir } = repository;
  const { commit: head } = await readHead(repository);
  if (head === undefined || (await isAncestor(repository, head, to))) return undefined;
  const day = at.toISOString().slice(0, 10);
  let name = `before-rewrite-${day}`;
  const create = async (): Promise<boolean> =>
    (await runGit(dir, ['update-ref', `refs/heads/${name}`, head, '0'.repeat(40)])).code === 0;
  for (let n = 2; !(await create()); n += 1) {
    if (n > 99) throw new MailboxError('failed', `found 98 branches of the name before-rewrite-${day} and more`);
    name = `before-rewrite-${day}-${n}`;
  }
  const followed = await followMain(repository, head, to);
  if (followed.kind === 'followed') return name;
  await runGit(dir, ['update-ref', '-d', `refs/heads/${name}`, head]);
  throw new MailboxError('conflict', `your branch cannot go on from the new history: ${followed.why}`, {
    hint: followed.hint,
  });
}
