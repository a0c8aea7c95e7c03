/** The repository of a root: opened, looked at, and brought into the shape that the exchange needs. */
import { existsSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { simpleGit, type SimpleGit } from 'simple-git';
import { MailboxError } from '../core/errors.js';
import { hostDir } from '../store/paths.js';
import { openObjects, type Objects } from './objects.js';
import { gitEnvironment, readGit, runGit } from './run.js';

/** The branch that carries the mailboxes. */
export const BRANCH = 'main';

export interface Repository extends AsyncDisposable {
  readonly dir: string;
  /** Absolute path of git's own folder. */
  readonly gitDir: string;
  /** `.mailboxd/git`, what the exchange notes for itself. */
  readonly ownDir: string;
  readonly objects: Objects;
  /** `Name <address>` for commits: the person's where git has one, else mailboxd's own. */
  readonly identity: string;
  /** Where the person's own git fetches from, if they named it. */
  readonly origin: string;
  close(): Promise<void>;
}

/** Why the exchange must wait: what a person is in the middle of. */
export interface Busy {
  message: string;
  hint: string;
}

/** simple-git for what is not on the hot path, with hooks and fsmonitor off. */
export function politeGit(dir: string): SimpleGit {
  const environment = gitEnvironment();
  return simpleGit({
    allowEnvironment: Object.keys(environment),
    baseDir: dir,
    config: ['core.hooksPath=/dev/null', 'core.fsmonitor=false', 'commit.gpgSign=false'],
    // What the person's own environment says of keys and configuration is theirs to say.
    unsafe: {
      ...{ allowUnsafeFsMonitor: true, allowUnsafeHooksPath: true },
      ...{ allowUnsafeSshCommand: true, allowUnsafeAskPass: true, allowUnsafeConfigPaths: true },
    },
    timeout: { block: 120_000 },
  }).env(environment);
}

/** Opens the repository whose top folder is `root`. Throws `invalid` where there is none. */
export async function openRepository(root: string, host: string): Promise<Repository> {
  if (!existsSync(join(root, '.git'))) {
    throw new MailboxError('invalid', `found a remote in the configuration, but no git repository in ${root}`, {
      hint: 'make one: mailboxd init --remote URL',
    });
  }
  const gitDir = await readGit(root, ['rev-parse', '--absolute-git-dir']);
  const format = await runGit(root, ['rev-parse', '--show-object-format']);
  if (format.stdout.toString().trim() === 'sha256') {
    throw new MailboxError('invalid', `found a repository with SHA-256 object names in ${root}, expected SHA-1`, {
      hint: 'make a new one with `git init --object-format=sha1`',
    });
  }
  const ownDir = join(hostDir(root), 'git');
  mkdirSync(ownDir, { recursive: true });
  neutralise(gitDir);
  const objects = openObjects(root, join(ownDir, 'scratch'));
  const config = async (name: string): Promise<string> =>
    (await runGit(root, ['config', '--get', name])).stdout.toString('utf8').trim();
  const [name, address] = [await config('user.name'), await config('user.email')];
  const origin = await config('remote.origin.url');
  const clean = (text: string): string => text.replace(/[<>\n\0]/g, '').trim();
  return {
    dir: root,
    gitDir,
    ownDir,
    objects,
    origin,
    identity: name && address ? `${clean(name)} <${clean(address)}>` : `mailboxd on ${host} <mailboxd@${host}>`,
    close: () => objects.close(),
    [Symbol.asyncDispose]: () => objects.close(),
  };
}

const MARK = '# mailboxd: ';
/** No attribute that arrives in the tree may change a message's bytes for a person's git. */
const ATTRIBUTES = `${MARK}messages travel byte for byte, whatever a .gitattributes says
/mailboxes/** -text -eol -filter -ident -working-tree-encoding
/attachments/** -text -eol -filter -ident -working-tree-encoding
`;
/** What a task writes while it runs is published when it has ended; the store's hidden names never are. */
const EXCLUDE = `${MARK}what runs here, and the names of unfinished work
/.mailboxd/
/mailboxes/*/in_progress/
.claim~*
.held~*
.end~*
.move~*
.tmp~*
`;

function neutralise(gitDir: string): void {
  const info = join(gitDir, 'info');
  mkdirSync(info, { recursive: true });
  for (const [name, block] of [
    ['attributes', ATTRIBUTES],
    ['exclude', EXCLUDE],
  ] as const) {
    const path = join(info, name);
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    if (text.includes(block)) continue;
    writeFileSync(path, `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${block}`);
  }
}

/** What a person is in the middle of, if anything: then nothing is read from their folders, nor written there. */
export async function findBusy(repository: Repository): Promise<Busy | undefined> {
  const { gitDir } = repository;
  const under: [string, string, string][] = [
    ['rebase-merge', 'a rebase', 'git rebase --continue, or git rebase --abort'],
    ['rebase-apply', 'a rebase', 'git rebase --continue, or git rebase --abort'],
    ['MERGE_HEAD', 'a merge', 'git commit, or git merge --abort'],
    ['CHERRY_PICK_HEAD', 'a cherry-pick', 'git cherry-pick --continue, or --abort'],
    ['REVERT_HEAD', 'a revert', 'git revert --continue, or --abort'],
    ['BISECT_LOG', 'a bisect', 'git bisect reset'],
  ];
  for (const [name, what, next] of under) {
    if (lstatSync(join(gitDir, name), { throwIfNoEntry: false })) {
      return { message: `${what} is under way in this root; the exchange waits`, hint: `end it: ${next}` };
    }
  }
  const head = readFileSync(join(gitDir, 'HEAD'), 'utf8').trim();
  if (head === `ref: refs/heads/${BRANCH}`) return undefined;
  const where = head.startsWith('ref: refs/heads/') ? `the branch ${head.slice(16)}` : 'no branch (a detached HEAD)';
  return {
    message: `this root is on ${where}, expected ${BRANCH}; the exchange waits`,
    hint: `go back: git switch ${BRANCH}`,
  };
}
