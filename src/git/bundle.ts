/**
 * A set of files as a git bundle, written and read through bare repositories of our own that are thrown away: the
 * root's repository, where there is one, is neither needed nor touched, and nothing in it or in a bundle is run.
 */
import { MailboxError } from '../core/errors.js';
import { openObjects, type Objects, type TreeEntry } from './objects.js';
import { gitFault, readGit, runGit } from './run.js';
import { editTree } from './trees.js';

/** The one ref of a bundle. */
const REF = 'refs/heads/archive';
const IDENTITY = 'mailboxd <mailboxd@localhost>';
/** Most files and folders in one bundle. */
const MOST_ENTRIES = 1_000_000;

/** A bare repository in a folder that is there and empty, and its objects. The caller removes the folder afterwards. */
export async function openBareRepository(dir: string): Promise<Objects> {
  await readGit(dir, ['init', '-q', '--bare', '--object-format=sha1', '--template=', '.']);
  return openObjects(dir, dir);
}

/** Writes the files (path → blob of the repository in `dir`) as one commit into a new bundle at `file`, absolute. */
export async function writeBundle(
  dir: string,
  objects: Objects,
  files: ReadonlyMap<string, TreeEntry>,
  commit: { message: string; time: number },
  file: string,
): Promise<void> {
  const tree = await editTree(objects, undefined, files);
  const oid = await objects.writeCommit({ tree, parents: [], identity: IDENTITY, ...commit });
  await readGit(dir, ['update-ref', REF, oid]);
  await readGit(dir, ['bundle', 'create', '-q', file, REF]);
}

/**
 * Takes the bundle at `file` (absolute) into the empty folder `dir` and returns its objects and its tree's id. git
 * checks every object on the way. Throws `invalid` for what is no whole bundle of ours, `refused` for what git or
 * `largest` (bytes of one file) keeps out.
 */
export async function readBundle(
  dir: string,
  file: string,
  largest: number,
): Promise<{ objects: Objects; tree: string }> {
  const objects = await openBareRepository(dir);
  try {
    const check = await runGit(dir, ['bundle', 'verify', file]);
    if (check.code !== 0) throw notWhole(file, check.stderr);
    const heads = (await runGit(dir, ['bundle', 'list-heads', file])).stdout.toString('utf8').trim();
    const oid = /^([0-9a-f]{40}) refs\/heads\/archive$/.exec(heads)?.[1];
    if (oid === undefined) throw notWhole(file, `found the refs ${JSON.stringify(heads.slice(0, 200))}`);
    const settings = ['fetch.fsckObjects=true', 'fetch.unpackLimit=1', 'protocol.file.allow=always'];
    const options = settings.flatMap((setting) => ['-c', setting]);
    const fetch = [...options, 'fetch', '-q', '--no-tags', '--no-write-fetch-head', file, `+${REF}:${REF}`];
    const { code, stderr } = await runGit(dir, fetch);
    if (code !== 0) {
      throw new MailboxError('refused', `${file}: ${gitFault(['fetch'], stderr).message}`, {
        hint: 'nothing was written; the bundle is damaged, or was not made by `mailboxd archive`',
      });
    }
    await checkSizes(dir, file, largest);
    const { tree } = await objects.readCommit(oid);
    return { objects, tree };
  } catch (error) {
    await objects.close();
    throw error;
  }
}

function notWhole(file: string, said: string): MailboxError {
  const found = said.trim().split('\n').at(-1)?.slice(0, 300) ?? '';
  return new MailboxError('invalid', `${file} is no bundle that \`mailboxd archive\` wrote: ${found}`, {
    hint: '`mailboxd archive list` shows the archives of this host',
  });
}

/** Before anything is read whole: what is small in a bundle may be very large outside it. */
async function checkSizes(dir: string, file: string, largest: number): Promise<void> {
  const format = '--batch-check=%(objectsize)';
  const { code, stdout, stderr } = await runGit(dir, ['cat-file', format, '--batch-all-objects', '--unordered']);
  if (code !== 0) throw gitFault(['cat-file'], stderr || 'it holds too many objects');
  for (const line of stdout.toString('latin1').split('\n')) {
    if (Number(line) <= largest) continue;
    throw new MailboxError('refused', `${file} holds a file of ${line} bytes, expected at most ${largest}`, {
      hint: 'nothing was written',
    });
  }
}

/**
 * Every file of a tree, by path. `check` is asked about each folder before it is entered and about each file, and
 * throws for what it does not want; links and nested repositories are `other`.
 */
export async function listTree(
  objects: Objects,
  tree: string,
  check: (path: string, kind: 'folder' | 'file' | 'other') => void,
): Promise<Map<string, TreeEntry>> {
  const files = new Map<string, TreeEntry>();
  let count = 0;
  const walk = async (oid: string, prefix: string): Promise<void> => {
    for (const [name, entry] of await objects.readTree(oid)) {
      const path = prefix + name;
      count += 1;
      if (count > MOST_ENTRIES) throw new MailboxError('refused', `found more than ${MOST_ENTRIES} files in a bundle`);
      const isFile = entry.mode === '100644' || entry.mode === '100755';
      check(path, entry.mode === '40000' ? 'folder' : isFile ? 'file' : 'other');
      if (isFile) files.set(path, entry);
      else await walk(entry.oid, `${path}/`);
    }
  };
  await walk(tree, '');
  return files;
}
