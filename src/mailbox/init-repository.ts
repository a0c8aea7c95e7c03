/** The repository of a root that is to have a remote: looked at with nothing changed, then made fit for plain git too. */
import { chmodSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { MailboxError } from '../core/errors.js';
import { BRANCH, politeGit } from '../git/repository.js';
import { gitFault, readGit, runGit } from '../git/run.js';
import { withoutSecret } from '../git/secrets.js';

export interface FoundRepository {
  /** `.git` is in the folder. */
  isRepository: boolean;
  /** The tip of its main; undefined before the first commit. */
  head: string | undefined;
  origin: string | undefined;
}

/** The oldest git that tells a push's fate as the exchange needs it. */
const OLDEST: readonly [number, number] = [2, 29];

/** `git version 2.39.5 (Apple Git-154)` → [2, 39]. */
export function parseGitVersion(text: string): readonly [number, number] | undefined {
  const match = /(\d+)\.(\d+)/.exec(text);
  return match ? [Number(match[1]), Number(match[2])] : undefined;
}

export function isOldGit(version: readonly [number, number]): boolean {
  return version[0] < OLDEST[0] || (version[0] === OLDEST[0] && version[1] < OLDEST[1]);
}

/** A remote as the configuration keeps it: a path is made absolute. Throws `invalid` for what git would run as a program. */
export function absoluteRemote(url: string, cwd: string): string {
  if (url.trim() === '') {
    throw new MailboxError('invalid', 'found an empty address for the remote', {
      hint: 'expected a path, or an address that begins with ssh://, https:// or user@host:',
    });
  }
  if (/^[a-z0-9+.-]+::/i.test(url) || url.startsWith('-')) {
    throw new MailboxError('invalid', `found the remote ${JSON.stringify(withoutSecret(url).slice(0, 80))}`, {
      hint: 'expected a path, or an address that begins with ssh://, https:// or user@host:',
    });
  }
  const isAddress = /^[a-z][a-z0-9+.-]*:\/\//i.test(url) || (/^[^/\\]+:/.test(url) && !/^[a-z]:[\\/]/i.test(url));
  return isAddress || isAbsolute(url) ? url : resolve(cwd, url);
}

/** Throws `conflict` for a repository that cannot become this root's, with what was found and what to do. */
export async function inspectRepository(dir: string, url: string): Promise<FoundRepository> {
  const at = existingParent(dir);
  const version = parseGitVersion(await readGit(at, ['--version']));
  if (version && isOldGit(version)) {
    throw new MailboxError('unavailable', `found git ${version.join('.')}, expected ${OLDEST.join('.')} or later`, {
      hint: 'install a newer git',
    });
  }
  if (!existsSync(join(dir, '.git'))) {
    await mustNotBeTracked(dir, at);
    return { isRepository: false, head: undefined, origin: undefined };
  }
  const read = async (...args: string[]): Promise<string | undefined> => {
    const { code, stdout } = await runGit(dir, args);
    return code === 0 ? stdout.toString('utf8').trim() : undefined;
  };
  const head = await read('rev-parse', '--verify', '--quiet', 'HEAD^{commit}');
  const branch = await read('symbolic-ref', '--quiet', '--short', 'HEAD');
  if (branch !== BRANCH) {
    const where = branch === undefined ? 'no branch (a detached HEAD)' : `the branch ${branch}`;
    const isUnborn = head === undefined;
    throw new MailboxError('conflict', `the repository in ${dir} is on ${where}, expected ${BRANCH}`, {
      hint: isUnborn
        ? `it has no commit yet: git symbolic-ref HEAD refs/heads/${BRANCH}`
        : `go to ${BRANCH}: git switch ${BRANCH}, or make it: git switch -c ${BRANCH}`,
    });
  }
  const origin = await read('config', '--get', 'remote.origin.url');
  if (origin !== undefined && plain(origin, dir) !== plain(url, dir)) {
    throw new MailboxError(
      'conflict',
      `the origin of the repository in ${dir} is ${withoutSecret(origin)}, expected ${withoutSecret(url)}`,
      {
        hint: 'name that one with --remote, choose another folder, or give it another name: git remote rename origin old',
      },
    );
  }
  return { isRepository: true, head, origin };
}

/** The same for addresses that differ in a password or the last `/` alone. */
function plain(url: string, dir: string): string {
  return withoutSecret(absoluteRemote(url, dir))
    .replace(/\/+$/, '')
    .replace(/\.git$/, '');
}

/** Throws `conflict` where the folder's files belong to a repository further up. */
async function mustNotBeTracked(dir: string, at: string): Promise<void> {
  if (at !== dir) return;
  const { code, stdout } = await runGit(dir, ['ls-files', '-z', '--', '.']);
  if (code !== 0 || stdout.length === 0) return;
  const top = await readGit(dir, ['rev-parse', '--show-toplevel']);
  throw new MailboxError('conflict', `${dir} belongs to the git repository in ${top}, expected one of its own`, {
    hint: 'choose another folder; the mailboxes have a repository to themselves',
  });
}

/**
 * Throws `conflict` when the remote's main and the one here have no commit in common. Returns the fault when the remote
 * cannot be reached.
 */
export async function mustBeRelated(
  dir: string,
  url: string,
  found: FoundRepository,
): Promise<MailboxError | undefined> {
  const at = existingParent(dir);
  const ref = `refs/heads/${BRANCH}`;
  const listed = await runGit(at, ['ls-remote', '--', url, ref]);
  if (listed.code !== 0) return notReached(url, listed.stderr);
  const tip = listed.stdout.toString('utf8').split('\t')[0]?.trim() ?? '';
  if (tip === '' || found.head === undefined) return undefined;
  const fetched = await runGit(dir, ['fetch', '-q', '--no-tags', '--no-write-fetch-head', '--', url, ref]);
  if (fetched.code !== 0) return notReached(url, fetched.stderr);
  const isShallow = (await readGit(dir, ['rev-parse', '--is-shallow-repository'])) === 'true';
  if (isShallow || (await runGit(dir, ['merge-base', tip, found.head])).code === 0) return undefined;
  throw new MailboxError(
    'conflict',
    `main in ${dir} (${found.head.slice(0, 12)}) and main of ${withoutSecret(url)} (${tip.slice(0, 12)}) have no commit in common`,
    {
      hint:
        'choose an empty folder and copy your files there; or bring the two together once: ' +
        `git pull --no-rebase --allow-unrelated-histories ${withoutSecret(url)} ${BRANCH}`,
    },
  );
}

function notReached(url: string, stderr: string): MailboxError {
  const where = withoutSecret(url);
  const said = gitFault(['ls-remote'], stderr.replaceAll(url, where)).message;
  return new MailboxError('unavailable', `${where}: ${said}`, {
    hint: `everything here works without it; check the address, the network and the key: git ls-remote ${where}; then: mailboxd sync`,
  });
}

/** Makes the repository and names the remote for the person's own git, where that is missing; returns what changed. */
export async function equipRepository(dir: string, url: string, found: FoundRepository): Promise<string[]> {
  const before = await readConfig(dir, found);
  mkdirSync(dir, { recursive: true });
  const git = politeGit(dir);
  if (!found.isRepository) await git.init(['-b', BRANCH]);
  const set = async (key: string, value: string): Promise<void> =>
    void (await git.addConfig(key, value, false, 'local'));
  if (found.origin === undefined) {
    // A password goes in there: nobody else is to read it.
    if (withoutSecret(url) !== url) {
      const path = await readGit(dir, ['rev-parse', '--git-path', 'config']);
      chmodSync(resolve(dir, path), 0o600);
    }
    await git.addRemote('origin', url);
  }
  if (before.get(`branch.${BRANCH}.remote`) === undefined && before.get(`branch.${BRANCH}.merge`) === undefined) {
    await set(`branch.${BRANCH}.remote`, 'origin');
    await set(`branch.${BRANCH}.merge`, `refs/heads/${BRANCH}`);
  }
  // Else a plain `git pull` asks how to bring two commits together.
  const said = await runGit(dir, ['config', '--get-regexp', `^(pull\\.(rebase|ff)|branch\\.${BRANCH}\\.rebase)$`]);
  if (said.code !== 0) await set(`branch.${BRANCH}.rebase`, 'false');
  if (!found.isRepository) return ['.git/'];
  const after = await readConfig(dir, { ...found, isRepository: true });
  return after.size === before.size ? [] : ['.git/config'];
}

async function readConfig(dir: string, { isRepository }: FoundRepository): Promise<Map<string, string>> {
  if (!isRepository) return new Map();
  const { stdout } = await runGit(dir, ['config', '--local', '--list', '-z']);
  const items = stdout.toString('utf8').split('\0').filter(Boolean);
  return new Map(items.map((item) => [item.split('\n')[0] ?? '', item.slice(item.indexOf('\n') + 1)]));
}

/** `git status` then knows what it is ahead of, before the first pull. */
export async function setUpstream(dir: string, main: string | undefined): Promise<void> {
  const ref = `refs/remotes/origin/${BRANCH}`;
  if (main !== undefined && (await runGit(dir, ['rev-parse', '--verify', '--quiet', ref])).code !== 0)
    await runGit(dir, ['update-ref', ref, main, '0'.repeat(40)]);
}

/** The nearest folder that is there: git needs one to run in. */
export function existingParent(dir: string): string {
  let at = dir;
  while (!statSync(at, { throwIfNoEntry: false })?.isDirectory() && dirname(at) !== at) at = dirname(at);
  return at;
}
