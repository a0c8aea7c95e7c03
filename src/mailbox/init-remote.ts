/**
 * Making a root that has a remote, or joining one to it. First all that could stand in the way is looked for, with
 * nothing changed; then the configuration is written, so that everything works without the remote too; then the
 * repository is made fit and one exchange brings both together: what the folder has goes out, what the remote has comes
 * in, and nothing is overwritten. A second run finds all that and changes nothing.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MailboxError } from '../core/errors.js';
import { readHead } from '../git/checkout.js';
import { lockHolder } from '../git/exchange/open.js';
import { BASE_REF } from '../git/ref-names.js';
import { BRANCH, openRepository } from '../git/repository.js';
import { readGit, runGit } from '../git/run.js';
import { editTree, findEntry } from '../git/trees.js';
import { hostDir } from '../store/paths.js';
import { equipRepository, inspectRepository, mustBeRelated, setUpstream } from './init-repository.js';
import {
  ignoreHostFolder,
  initRoot,
  makeMailboxes,
  planInit,
  readText,
  withHostFolder,
  writeConfig,
  type InitReport,
  type InitRequest,
} from './init.js';
import { readRoot } from './root.js';
import { ringBell } from './serving.js';
import { syncRoot, type SyncReport } from './sync.js';

export interface RemoteInitReport extends InitReport {
  /** What went over the remote; undefined when nothing had to, or it could not be. */
  exchange: Pick<SyncReport, 'sent' | 'received' | 'main' | 'problems'> | undefined;
  /** Why the remote was not reached: everything else is done, and works without it. */
  offline: MailboxError | undefined;
}

/** Makes or completes a root, with a remote where one is named now or in its configuration. Throws as `initRoot` does. */
export async function makeRoot(request: InitRequest): Promise<RemoteInitReport> {
  const plan = planInit(request);
  const { dir, as, serve, runner, remote: url } = plan;
  if (url === undefined) return { ...(await initRoot(request)), exchange: undefined, offline: undefined };

  const found = await inspectRepository(dir, url);
  const isJoined = found.isRepository && (await hasRef(dir, BASE_REF));
  let offline = isJoined ? undefined : await mustBeRelated(dir, url, found);

  const changed = await writeConfig(plan);
  const report = (more: Partial<RemoteInitReport>): RemoteInitReport => ({
    ...{ dir, as, serve, runner, remote: url, changed, exchange: undefined, offline },
    ...more,
  });
  changed.push(...(await equipRepository(dir, url, found)));
  const holder = lockHolder(join(hostDir(dir), 'git'));
  if (holder !== undefined) {
    changed.push(...(await makeMailboxes(plan)));
    ringBell(dir);
    return report({});
  }

  // What the remote has comes first: a card that is there already is not made a second time.
  const first = isJoined || offline ? undefined : await exchange(dir);
  offline ??= first?.offline;
  changed.push(...(await makeMailboxes(plan)));
  if (offline) return report({ offline });
  if (await ignoreHostFolder(dir)) changed.push('.gitignore');
  const isCommitted = await commitIgnore(dir, readRoot(dir).config.host);
  if (isJoined && changed.length === 0 && !isCommitted) return report({});
  const second = await exchange(dir);
  await setUpstream(dir, second.done?.main);
  return report({ exchange: addUp(first?.done, second.done), offline: second.offline });
}

async function exchange(dir: string): Promise<{ done?: SyncReport; offline?: MailboxError }> {
  try {
    return { done: await syncRoot(readRoot(dir)) };
  } catch (error) {
    if (error instanceof MailboxError && error.code === 'unavailable') return { offline: error };
    throw error;
  }
}

function addUp(first: SyncReport | undefined, second: SyncReport | undefined): RemoteInitReport['exchange'] {
  if (!second) return undefined;
  const sum = (key: 'sent' | 'received'): number => (first?.[key] ?? 0) + (second[key] ?? 0);
  return { sent: sum('sent'), received: sum('received'), main: second.main, problems: second.problems };
}

async function hasRef(dir: string, ref: string): Promise<boolean> {
  return (await runGit(dir, ['rev-parse', '--verify', '--quiet', ref])).code === 0;
}

/**
 * Commits `.gitignore` where it differs from what the branch has by our line alone. The exchange carries the commit; a
 * file that a person has changed besides stays theirs to commit.
 */
async function commitIgnore(dir: string, host: string): Promise<boolean> {
  await using repository = await openRepository(dir, host);
  const { objects } = repository;
  const { commit: head } = await readHead(repository);
  const tree = head === undefined ? undefined : (await objects.readCommit(head)).tree;
  const entry = await findEntry(objects, tree, '.gitignore');
  const before = entry && (await objects.readBlob(entry.oid)).toString('utf8');
  const text = readText(join(dir, '.gitignore'));
  if (text === undefined || withHostFolder(before) !== text) return false;
  const oid = await objects.writeBlob(readFileSync(join(dir, '.gitignore')));
  const mode = entry?.mode ?? '100644';
  const commit = await objects.writeCommit({
    tree: await editTree(objects, tree, new Map([['.gitignore', { mode, oid }]])),
    parents: head === undefined ? [] : [head],
    message: `keep .mailboxd/ out of git\n\nMailboxd-Host: ${host}\n`,
    identity: repository.identity,
    time: Date.now() / 1000,
  });
  const reason = ['-m', 'mailboxd: init'];
  await readGit(dir, ['update-ref', ...reason, `refs/heads/${BRANCH}`, commit, head ?? '0'.repeat(40)]);
  await runGit(dir, ['update-index', '--add', '--cacheinfo', `${mode},${oid},.gitignore`], {
    env: { GIT_OPTIONAL_LOCKS: '1' },
  });
  return true;
}
