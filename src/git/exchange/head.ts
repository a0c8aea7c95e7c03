import { MailboxError } from '../../core/errors.js';
import type { TreeEntry } from '../objects.js';
import { runGit } from '../run.js';
import { isSyncedFolder } from '../synced-paths.js';
import { diffTrees, editTree } from '../trees.js';
import { isBehind } from './follow.js';
import { type ExchangeState, treeOf } from './state.js';

/** The commit of which it has been told that it stays here. */
const told = new WeakMap<ExchangeState, string>();

/** The person's own commits up to `head` that main does not have, with their files outside the carried folders merged in. */
export async function headToCarry(
  state: ExchangeState,
  head: string | undefined,
): Promise<{ commit: string; tree: string | undefined } | undefined> {
  const { repository } = state;
  const { main } = state.view;
  if (head === undefined || head === main) return undefined;
  if (await isBehind(state, head)) return undefined;
  const { objects } = repository;
  const { stdout, code } =
    main === undefined
      ? { stdout: Buffer.alloc(0), code: 1 }
      : await runGit(repository.dir, ['merge-base', head, main]);
  if (main !== undefined && code === 1) {
    throw new MailboxError(
      'conflict',
      `your branch (${head.slice(0, 12)}) and main on the remote (${main.slice(0, 12)}) have no history in common`,
      {
        hint:
          'nothing was changed. Is "remote" in .mailboxd/config.yaml the right one? If it is, bring both together: ' +
          'git pull --allow-unrelated-histories',
      },
    );
  }
  const fork = code === 0 ? stdout.toString('utf8').trim() : undefined;
  const isOutside = (name: string): boolean => !isSyncedFolder(name);
  const base = await treeOf(state, fork);
  const mainTree = await treeOf(state, main);
  const mine = await diffTrees(objects, base, await treeOf(state, head), isOutside);
  const theirs = await diffTrees(objects, base, mainTree, isOutside);
  const edits = new Map<string, TreeEntry | undefined>();
  for (const [path, { after }] of mine) {
    const other = theirs.get(path);
    if (other && other.after?.oid !== after?.oid) {
      if (told.get(state) !== head)
        state.hooks.onEvent({
          type: 'trouble',
          message: `${path} was changed in your commits and on main; your commits stay here, the mailboxes go on`,
          hint: 'bring them together yourself: git add mailboxes && git commit -m "What arrived", then git pull and git push',
        });
      told.set(state, head);
      return undefined;
    }
    edits.set(path, after);
  }
  return { commit: head, tree: edits.size === 0 ? mainTree : await editTree(objects, mainTree, edits) };
}
