/** What there is when a round is over: main on the remote, every root, and what is kept beside. */
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { git } from './git.mjs';

const SYNCED = ['mailboxes', 'attachments', 'threads', 'pipelines', 'templates'];

/** Path → blob id of everything synced on main. @param {string} remote @returns {Map<string, string>} */
export function readMain(remote) {
  const listed = git(remote, 'ls-tree', '-r', '-z', '--full-tree', 'main');
  const entries = listed.split('\0').filter(Boolean);
  return new Map(
    entries.flatMap((line) => {
      const [info = '', path = ''] = line.split('\t');
      return SYNCED.includes(path.split('/')[0] ?? '') ? [[path, info.split(' ')[2] ?? '']] : [];
    }),
  );
}

/** Path → blob id of every file in a root's synced folders, hidden ones as well. @param {string} root */
export function readRoot(root) {
  /** @type {Map<string, string>} */
  const found = new Map();
  for (const folder of SYNCED) {
    if (!existsSync(join(root, folder))) continue;
    for (const rest of /** @type {string[]} */ (readdirSync(join(root, folder), { recursive: true }))) {
      const path = `${folder}/${rest}`;
      const bytes = readQuietly(join(root, path));
      if (bytes) found.set(path, blobOid(bytes));
    }
  }
  return found;
}

/** @param {string} path */
function readQuietly(path) {
  try {
    return lstatSync(path).isFile() ? readFileSync(path) : undefined;
  } catch {
    return undefined; // it has just gone
  }
}

/** @param {Buffer} bytes */
export function blobOid(bytes) {
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

/** What differs between main and a root, `+` what only the root has. @param {Map<string, string>} main @param {Map<string, string>} root */
export function differences(main, root) {
  const found = [];
  for (const [path, oid] of main) if (root.get(path) !== oid) found.push(root.has(path) ? `≠ ${path}` : `- ${path}`);
  for (const path of root.keys()) if (!main.has(path) && !path.endsWith('/.gitkeep')) found.push(`+ ${path}`);
  return found;
}

/** Claims on the remote. @param {string} remote */
export function readClaimRefs(remote) {
  return git(remote, 'for-each-ref', '--format=%(refname)', 'refs/mailboxd/claims', 'refs/heads/mailboxd/claims')
    .split('\n')
    .filter(Boolean);
}

/** Texts that a root keeps beside: outputs of lost leases, what a crash left on its way. @param {string} root */
export function readKept(root) {
  const dir = join(root, '.mailboxd/kept');
  return existsSync(dir) ? readdirSync(dir).map((name) => readFileSync(join(dir, name), 'utf8')) : [];
}

/** What a person's git would complain of in this root. @param {string} root */
export function readUntidy(root) {
  const found = [];
  const head = readFileSync(join(root, '.git/HEAD'), 'utf8').trim();
  if (head !== 'ref: refs/heads/main') found.push(`HEAD is ${head}`);
  for (const name of ['rebase-merge', 'rebase-apply', 'MERGE_HEAD', 'CHERRY_PICK_HEAD', 'index.lock'])
    if (existsSync(join(root, '.git', name))) found.push(`.git/${name} is there`);
  const aside = join(root, '.mailboxd/git/aside');
  if (existsSync(aside) && readdirSync(aside).length > 0) found.push(`files aside: ${readdirSync(aside).join(', ')}`);
  for (const path of readRoot(root).keys()) {
    if (/\/\.(?!gitkeep$)[^/]*$/.test(path)) found.push(`left over: ${path}`);
    if (/^(<{7} |>{7} |={7}$)/m.test(readFileSync(join(root, path), 'latin1'))) found.push(`conflict markers: ${path}`);
  }
  const status = git(root, 'status', '--porcelain').trim();
  if (status !== '') found.push(`git status: ${status.split('\n').slice(0, 5).join(' | ')}`);
  return found;
}
