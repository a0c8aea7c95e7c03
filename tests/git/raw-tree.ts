/** Trees that `git add` would refuse, written byte by byte, and put on a remote's main as a pusher with bad intent does. */
import { execFileSync } from 'node:child_process';
import { git } from '../support/git-host.js';

export type RawItem =
  | string
  | Uint8Array
  | { link: string }
  | { gitlink: string }
  | { entry: [mode: string, oid: string] }
  | RawFolder;
export interface RawFolder {
  items: [name: string | Uint8Array, item: RawItem][];
}

export function folder(...items: RawFolder['items']): RawFolder {
  return { items };
}

/** Writes an object of any content; returns its id. */
export function rawObject(dir: string, type: 'blob' | 'tree' | 'commit', bytes: Uint8Array | string): string {
  const args = ['hash-object', '-w', '-t', type, '--literally', '--stdin'];
  const env = { PATH: process.env['PATH'], GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };
  return execFileSync('git', args, { cwd: dir, env, input: bytes }).toString().trim();
}

function entryOf(dir: string, item: RawItem): [string, string] {
  if (typeof item === 'string' || item instanceof Uint8Array) return ['100644', rawObject(dir, 'blob', item)];
  if ('link' in item) return ['120000', rawObject(dir, 'blob', item.link)];
  if ('gitlink' in item) return ['160000', item.gitlink];
  if ('entry' in item) return item.entry;
  return ['40000', rawTree(dir, item)];
}

/** Writes the tree in the order of git, whatever its names are. */
export function rawTree(dir: string, { items }: RawFolder): string {
  const entries = items.map(([name, item]) => ({ name: Buffer.from(name), entry: entryOf(dir, item) }));
  const key = ({ name, entry }: (typeof entries)[number]): Buffer =>
    entry[0] === '40000' ? Buffer.concat([name, Buffer.from('/')]) : name;
  const parts = entries
    .toSorted((one, other) => Buffer.compare(key(one), key(other)))
    .flatMap(({ name, entry: [mode, oid] }) => [
      ...[Buffer.from(`${mode} `), name, Buffer.from([0]), Buffer.from(oid, 'hex')],
    ]);
  return rawObject(dir, 'tree', Buffer.concat(parts));
}

/** Puts a commit with this tree onto main of the bare repository; returns it. */
export function putOnMain(bare: string, tree: RawFolder | string): string {
  const oid = typeof tree === 'string' ? tree : rawTree(bare, tree);
  const before = git(bare, 'for-each-ref', '--format=%(objectname)', 'refs/heads/main');
  const commit = git(bare, 'commit-tree', oid, '-m', 'from elsewhere', ...(before === '' ? [] : ['-p', before]));
  git(bare, 'update-ref', 'refs/heads/main', commit);
  return commit;
}
