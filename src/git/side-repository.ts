/**
 * A repository beside the root's, for what is only passing through: output that is replaced every few seconds, and a
 * reader's look at the remote. It reads the root's objects and adds none to them, and touches none of its refs and
 * locks, so that a daemon may exchange at the same time; it is thrown away at the end.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { isAlive, ownProcess } from '../host/process-id.js';
import { hostDir } from '../store/paths.js';
import type { TreeEntry } from './objects.js';
import { readGit, runGit } from './run.js';

export interface SideRepository {
  readonly dir: string;
  /** The remote's URL as git takes it in `dir`. */
  readonly url: string;
  /** A commit without parents of these files. Every process it starts has ended when it returns. */
  writeCommit(commit: SideCommit): Promise<string>;
  close(): void;
}

export interface SideCommit {
  files: ReadonlyMap<string, Uint8Array>;
  message: string;
  /** `Name <address>`. */
  identity: string;
  /** ms since 1970. */
  now: number;
}

let count = 0;

/** `root` must have a repository (`.git`). */
export async function openSideRepository(root: string, url: string): Promise<SideRepository> {
  const ownDir = join(hostDir(root), 'git');
  sweep(ownDir);
  const dir = join(ownDir, `side~${ownProcess()}~${count}`);
  count += 1;
  mkdirSync(dir, { recursive: true });
  await readGit(dir, ['init', '-q', '--template=', '--object-format=sha1']);
  const inRoot = async (name: string): Promise<string> =>
    readGit(root, ['rev-parse', '--path-format=absolute', '--git-path', name]);
  const objects = join(dir, '.git', 'objects', 'info');
  mkdirSync(objects, { recursive: true });
  writeFileSync(join(objects, 'alternates'), `${await inRoot('objects')}\n`);
  const shallow = await inRoot('shallow');
  if (existsSync(shallow)) copyFileSync(shallow, join(dir, '.git', 'shallow'));
  // What a person set for this root alone: credentials, a proxy, another ssh, the place of a URL.
  await readGit(dir, ['config', 'include.path', await inRoot('config')]);
  return {
    dir,
    url: /^[a-z][a-z0-9+.-]*:\/\//i.test(url) || /^[^/\\]+:/.test(url) || isAbsolute(url) ? url : resolve(root, url),
    async writeCommit({ files, message, identity, now }) {
      const hash = async (args: string[], input: Uint8Array | string): Promise<string> =>
        readGit(dir, ['hash-object', '-w', ...args, '--stdin'], { input });
      const entries: [string, TreeEntry][] = [];
      for (const [name, bytes] of files)
        entries.push([name, { mode: '100644', oid: await hash(['--no-filters'], bytes) }]);
      const input = entries.map(([name, { mode, oid }]) => `${mode} blob ${oid}\t${name}\0`).join('');
      const tree = (await runGit(dir, ['mktree', '-z'], { input })).stdout.toString('utf8').trim();
      const who = `${identity} ${Math.floor(now / 1000)} +0000`;
      return hash(['-t', 'commit'], `tree ${tree}\nauthor ${who}\ncommitter ${who}\n\n${message}\n`);
    },
    close: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** What a process that was killed has left. */
function sweep(ownDir: string): void {
  if (!existsSync(ownDir)) return;
  for (const name of readdirSync(ownDir)) {
    const who = /^side~(.+)~\d+$/.exec(name)?.[1];
    if (who !== undefined && !isAlive(who)) rmSync(join(ownDir, name), { recursive: true, force: true });
  }
}
