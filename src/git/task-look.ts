/**
 * One task as the remote knows it, read by a process that exchanges nothing: who claims it, what it has written so far,
 * and, where it is asked for, main. It reads into a repository beside the root's (side-repository.ts).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MailboxError } from '../core/errors.js';
import { hostDir } from '../store/paths.js';
import { readClaim, type GitClaim } from './claim-commit.js';
import { readLive, writeFollow, type Author } from './live.js';
import { openObjects, type Objects } from './objects.js';
import { parsePresence } from './presence.js';
import { refOf, SPACES, type RefSpace } from './ref-names.js';
import { openRemote, type PushResult } from './remote.js';
import { withoutSecret } from './secrets.js';
import { BRANCH } from './repository.js';
import { gitFault, readGit, runGit } from './run.js';
import { openSideRepository } from './side-repository.js';

export interface TaskSighting {
  /** Who holds it; undefined: nobody. */
  claim: GitClaim | undefined;
  /** The object that asks for its output; undefined: nobody asks. */
  follow: string | undefined;
  /** What it has written so far: `text` is its file; the same object has the same `oid`. */
  live: { oid: string; text: string } | undefined;
  /** main's commit, where it was asked for and is there. */
  main: string | undefined;
  /** RFC 3339 time since when its holder says that it runs it, where it says so. */
  since: string | undefined;
}

export interface TaskLook {
  /** Reads what the look brought. */
  readonly objects: Objects;
  /** Throws `unavailable` when the remote cannot be reached. */
  look(options: { main?: boolean; since?: boolean; signal?: AbortSignal; timeout?: number }): Promise<TaskSighting>;
  /** Asks for its output for a while; `interval`: until it is asked again, ms. The object that asks; undefined when it was not taken. */
  ask(interval: number, by: Author): Promise<string | undefined>;
  /** Asks no more, if the ref is still this object. */
  unask(oid: string): Promise<void>;
  close(): Promise<void>;
}

const PATIENCE = 5_000;
/** Largest output that is read, bytes: more than any holder sends. */
const LARGEST = 8 * 1024 * 1024;

/** `key`: what the task is claimed under. `root` must have a repository. */
export async function openTaskLook(root: string, url: string, key: string): Promise<TaskLook> {
  const side = await openSideRepository(root, url);
  const objects = openObjects(side.dir, join(side.dir, '.git', 'scratch'));
  let space = readSpace(root);
  let known: { oid: string; claim: GitClaim } | undefined;
  let live: { oid: string; text: string } | undefined;

  const fetch = async (specs: string[], run: { signal?: AbortSignal; timeout?: number }): Promise<string> => {
    const flags = [
      '--prune',
      '--no-tags',
      '--no-write-fetch-head',
      '--no-recurse-submodules',
      '--update-shallow',
      '-q',
    ];
    const { code, stderr } = await runGit(side.dir, ['fetch', ...flags, '--', side.url, ...specs], run);
    if (code === 0) return '';
    const where = withoutSecret(url);
    if (/couldn't find remote ref/i.test(stderr)) return stderr;
    throw new MailboxError('unavailable', `${where}: ${gitFault(['fetch'], stderr).message}`, {
      hint: `look whether it can be reached: git ls-remote ${where}`,
    });
  };
  const sinceOf = async (refs: Map<string, string>, host: string): Promise<string | undefined> => {
    const oid = refs.get(`presence/${host}`);
    if (oid === undefined) return undefined;
    try {
      const presence = parsePresence((await objects.readCommit(oid)).message, host);
      return presence.running.find(({ id }) => id === key || id === known?.claim.id)?.since;
    } catch {
      return undefined; // what another host wrote there is only for show
    }
  };
  return {
    objects,
    async look({ main = false, since = false, signal, timeout }) {
      const run = { ...(signal && { signal }), ...(timeout !== undefined && { timeout }) };
      // A pattern, since a ref that is named and not there is an error; `--prune` takes away what went.
      const specs = SPACES.flatMap((one, index) => [
        ...(['claims', 'live', 'follow'] as const).map(
          (kind) => `+${one}/${kind}/${key}*:refs/look/${index}/${kind}/${key}*`,
        ),
        ...(since ? [`+${one}/presence/*:refs/look/${index}/presence/*`] : []),
      ]);
      const branch = `+refs/heads/${BRANCH}:refs/look/main`;
      const isEmpty = (await fetch([...(main ? [branch] : []), ...specs], run)) !== '';
      if (isEmpty) await fetch(specs, run);
      const listed = await readGit(side.dir, [
        'for-each-ref',
        '--format=%(objectname) %(objecttype) %(refname)',
        'refs/look',
      ]);
      const refs = new Map<string, string>();
      let tip: string | undefined;
      for (const line of listed.split('\n')) {
        const [oid = '', type, ref = ''] = line.split(' ');
        if (type !== 'commit') continue;
        if (ref === 'refs/look/main') tip = oid;
        const [, index, name = ''] = /^refs\/look\/(\d)\/(.+)$/.exec(ref) ?? [];
        if (index === undefined) continue;
        refs.set(name, oid);
        if (name === `claims/${key}`) space = SPACES[Number(index)] ?? space;
      }
      const claimed = refs.get(`claims/${key}`);
      if (claimed === undefined) known = undefined;
      else if (known?.oid !== claimed) known = await readKnown(objects, claimed);
      const output = refs.get(`live/${key}`);
      if (output === undefined) live = undefined;
      else if (live?.oid !== output) {
        const text = await readLive(objects, output);
        live = text === undefined || text.length > LARGEST ? undefined : { oid: output, text };
      }
      const host = since ? known?.claim.host : undefined;
      return {
        ...{ claim: known?.claim, follow: refs.get(`follow/${key}`), live, main: tip },
        since: host === undefined ? undefined : await sinceOf(refs, host),
      };
    },
    async ask(interval, by) {
      const oid = await writeFollow(side, key, interval, by);
      const push = (where: RefSpace): Promise<PushResult> =>
        openRemote(side.dir, side.url, BRANCH, where).push([
          { ref: refOf(where, 'follow', key), from: 'any', to: oid },
        ]);
      const result = await push(space);
      const fate = result.kind === 'known' ? result.fates.get(refOf(space, 'follow', key)) : undefined;
      if (fate !== 'declined' || space !== SPACES[0]) return fate === 'ok' ? oid : undefined;
      // The remote takes nothing outside `refs/heads`: the same below that.
      space = SPACES[1];
      const second = await push(space);
      return second.kind === 'known' && [...second.fates.values()].includes('ok') ? oid : undefined;
    },
    async unask(oid) {
      const ref = refOf(space, 'follow', key);
      const args = ['push', '-q', '--no-verify', `--force-with-lease=${ref}:${oid}`, '--', side.url, `:${ref}`];
      // Whatever comes of it: what is not asked anew is not answered for long. Nobody waits long for that.
      await runGit(side.dir, args, { timeout: PATIENCE }).catch(() => undefined);
    },
    async close() {
      await objects.close();
      side.close();
    },
  };
}

/** Undefined for what cannot be read as a claim: another host's exchange tells of it. */
async function readKnown(objects: Objects, oid: string): Promise<{ oid: string; claim: GitClaim } | undefined> {
  try {
    return { oid, claim: await readClaim(objects, oid) };
  } catch (error) {
    if (error instanceof MailboxError && error.code === 'invalid') return undefined;
    throw error;
  }
}

/** Where the remote takes refs other than branches, as the exchange found out last time. */
function readSpace(root: string): RefSpace {
  try {
    const text = readFileSync(join(hostDir(root), 'git', 'space'), 'utf8').trim();
    return SPACES.find((space) => space === text) ?? SPACES[0];
  } catch {
    return SPACES[0];
  }
}
