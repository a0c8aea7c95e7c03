/**
 * The person's side of the repository: their branch and their index follow what is on main, so that `git status` stays
 * clean. Nothing of theirs is lost: the index is changed by git itself (`read-tree -m`), which keeps what they staged
 * or refuses; their branch only ever moves forward, after the index. A crash between the two is mended by the next time.
 */
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runGit } from './run.js';
import { BRANCH, type Repository } from './repository.js';
import { applyEdits } from './apply.js';
import { diffTrees } from './trees.js';
import { isSyncedFolder, isSyncedPath, isUsableOutside } from './synced-paths.js';
import { blobOid, type TreeEntry } from './objects.js';
import { readRegular } from '../store/durable.js';

export interface Head {
  /** The commit of the person's branch; undefined before the first one. */
  commit: string | undefined;
}

export async function readHead({ dir, gitDir }: Repository): Promise<Head> {
  try {
    const text = readFileSync(join(gitDir, 'refs', 'heads', BRANCH), 'utf8').trim();
    if (/^[0-9a-f]{40}$/.test(text)) return { commit: text };
  } catch {
    // packed, or not there
  }
  const { code, stdout } = await runGit(dir, ['rev-parse', '--verify', '--quiet', `refs/heads/${BRANCH}^{commit}`]);
  return { commit: code === 0 ? stdout.toString('utf8').trim() : undefined };
}

export async function isAncestor({ dir }: Repository, older: string, newer: string): Promise<boolean> {
  if (older === newer) return true;
  return (await runGit(dir, ['merge-base', '--is-ancestor', older, newer])).code === 0;
}

export type Followed = { kind: 'followed' } | { kind: 'waits'; why: string; hint: string };

/** Brings branch and index from `head` forward to `tip`, a descendant of it. The working folders are there already. */
export async function followMain(repository: Repository, head: string | undefined, tip: string): Promise<Followed> {
  const { dir, gitDir } = repository;
  if (head === tip) return { kind: 'followed' };
  const lock = join(gitDir, 'index.lock');
  if (existsSync(lock)) {
    const age = Date.now() - (lstatSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    return {
      kind: 'waits',
      why: `another git holds ${lock} since ${Math.round(age / 1000)} s`,
      hint: `when no git runs in ${dir}, it was left behind: remove it`,
    };
  }
  const outside = await bringOutside(repository, head, tip);
  if (outside) return outside;
  const args = head === undefined ? ['read-tree', '-m', '-i', tip] : ['read-tree', '-m', '-i', head, tip];
  const { code, stderr } = await runGit(dir, args, { env: { GIT_OPTIONAL_LOCKS: '1' } });
  if (code !== 0) {
    return {
      kind: 'waits',
      why: `your index does not go with what arrived: ${stderr.trim().split('\n')[0] ?? ''}`,
      hint: 'commit or unstage what you have staged (git restore --staged .)',
    };
  }
  const reason = ['-m', 'mailboxd: followed main'];
  const updated = await runGit(dir, ['update-ref', ...reason, `refs/heads/${BRANCH}`, tip, head ?? '0'.repeat(40)]);
  if (updated.code !== 0) return { kind: 'waits', why: 'your branch moved meanwhile', hint: 'nothing is to be done' };
  await leaveOut(repository, head, tip);
  return { kind: 'followed' };
}

/** Files outside the folders that the exchange carries: brought forward only where they are as the branch has them. */
async function bringOutside(
  repository: Repository,
  head: string | undefined,
  tip: string,
): Promise<Followed | undefined> {
  const { dir, objects, ownDir } = repository;
  const treeOf = async (commit: string | undefined): Promise<string | undefined> =>
    commit === undefined ? undefined : (await objects.readCommit(commit)).tree;
  const changes = await diffTrees(objects, await treeOf(head), await treeOf(tip), (name) => !isSyncedFolder(name));
  const edits = [...changes]
    .filter(([path, { after }]) => isUsableOutside(path) && isFileOrNone(after))
    .map(([path, { before, after }]) => ({
      path,
      expected: isFileOrNone(before) ? before?.oid : undefined,
      to: after,
    }));
  for (const { path, expected, to } of edits) {
    const now = readQuietly(join(dir, path));
    const isAsBefore =
      now === undefined ? expected === undefined : blobOid(now) === expected || blobOid(now) === to?.oid;
    if (!isAsBefore) {
      return {
        kind: 'waits',
        why: `${path} changed on main and is not as you had committed it`,
        hint: 'commit your change or put the file back, then: git pull',
      };
    }
  }
  const isThere = (path: string, oid: string | undefined): boolean => {
    const now = readQuietly(join(dir, path));
    return oid === undefined ? now === undefined : now !== undefined && blobOid(now) === oid;
  };
  const needed = edits.filter(({ path, to }) => !isThere(path, to?.oid));
  const { left } = await applyEdits(dir, ownDir, objects, needed, () => true);
  const [first] = left;
  return first && { kind: 'waits', why: `${first.edit.path}: ${first.why}`, hint: 'mend it, then: git pull' };
}

function isFileOrNone(entry: TreeEntry | undefined): boolean {
  return entry === undefined || (entry.mode.startsWith('100') && !entry.raw);
}

/**
 * What main has and is not written here (odd names, links and other repositories) is marked so in the index: git
 * neither shows it as deleted, nor does a person's `git commit -a` delete it.
 */
async function leaveOut({ dir, objects }: Repository, head: string | undefined, tip: string): Promise<void> {
  const before = head === undefined ? undefined : (await objects.readCommit(head)).tree;
  const changes = await diffTrees(objects, before, (await objects.readCommit(tip)).tree);
  const isWritten = (path: string, entry: TreeEntry): boolean =>
    isFileOrNone(entry) && (isSyncedFolder(path.split('/')[0] ?? '') ? isSyncedPath(path) : isUsableOutside(path));
  const paths = [...changes].flatMap(([path, { after }]) => (after && !isWritten(path, after) ? [path] : []));
  if (paths.length === 0) return;
  const bytesOf = (part: string): Buffer =>
    part.startsWith('\0') ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part);
  const lines = paths.flatMap((path) => [
    ...path.split('/').flatMap((part, at) => (at === 0 ? [bytesOf(part)] : [Buffer.from('/'), bytesOf(part)])),
    Buffer.from([0]),
  ]);
  const args = ['update-index', '--skip-worktree', '-z', '--stdin'];
  await runGit(dir, args, { input: Buffer.concat(lines), env: { GIT_OPTIONAL_LOCKS: '1' } });
}

function readQuietly(path: string): Buffer | undefined {
  try {
    return readRegular(path, 100 * 1024 * 1024)?.bytes;
  } catch {
    return undefined;
  }
}
