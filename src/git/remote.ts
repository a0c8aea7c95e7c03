/**
 * The remote, as the rest of mailboxd sees it: a set of refs that can be read at one moment, and changed by compare and
 * swap. `openRemote` speaks to a real one through git; the tests of what stands above it may use another.
 */
import { MailboxError } from '../core/errors.js';
import { haveSameRefs, isFar, listRemote, readSeen, type RemoteView } from './remote-refs.js';
import { gitFault, readGit, runGit } from './run.js';
import { withoutSecret } from './secrets.js';
import { REF_KINDS, SEEN, type RefKind, type RefSpace } from './ref-names.js';

export interface RefUpdate {
  ref: string;
  /** What it must be now; null: it must not exist; `any`: whatever it is. */
  from: string | null;
  /** What it becomes; null: it is removed. */
  to: string | null;
}

export type RefFate = 'ok' | 'refused' | 'declined';

/**
 * `known`: the remote answered; a `refused` ref was not what it should have been, a `declined` one the remote takes from
 * nobody. `unknown`: the push may have landed, or land later.
 */
export type PushResult =
  | { kind: 'known'; fates: Map<string, RefFate>; said: string }
  | { kind: 'unknown'; problem: MailboxError };

export interface Remote {
  readonly url: string;
  /** Where refs other than main live. */
  space: RefSpace;
  /**
   * Reads all refs, and brings their objects. Where nothing is known to have changed, `expected` is what they most likely
   * are still: then it only asks, brings what differs, and returns the same object when nothing does. Throws `unavailable`
   * when the remote cannot be reached.
   */
  fetch(kinds?: readonly RefKind[], expected?: RemoteView): Promise<RemoteView>;
  /** What a fetch brought is not gone on from: main is known as `main` again, so that the next fetch finds the same. */
  putBack(main: string): Promise<void>;
  /** Ends what is under way, and what comes, as if the remote were away: for a stop that waits no longer. */
  breakOff(): void;
  push(updates: readonly RefUpdate[], options?: { atomic?: boolean }): Promise<PushResult>;
}

/** Whether every ref of the push was taken. */
export function isAccepted(result: PushResult): boolean {
  return result.kind === 'known' && [...result.fates.values()].every((fate) => fate === 'ok');
}

/** Arguments are too long for one command line beyond this, refs. */
const MOST_REFS = 400;

/** How long a call may take at first, and at most once shorter ones were not enough, ms. */
const PATIENCE = 120_000;
const MOST_PATIENCE = 7_200_000;

export function openRemote(
  dir: string,
  url: string,
  branch: string,
  space: RefSpace = 'refs/mailboxd',
  patience: number = PATIENCE,
): Remote {
  /** By what is done: large files over a slow line must get through some time. */
  const patient = new Map<string, number>();
  const over = new AbortController();
  const run = async (what: string, args: readonly string[]): ReturnType<typeof runGit> => {
    const timeout = patient.get(what) ?? patience;
    const begun = performance.now();
    try {
      const result = await runGit(dir, args, { timeout, signal: over.signal });
      patient.delete(what);
      return result;
    } catch (error) {
      if (performance.now() - begun >= timeout) patient.set(what, Math.min(2 * timeout, MOST_PATIENCE));
      throw error;
    }
  };
  const listing = (args: readonly string[]): ReturnType<typeof runGit> => run('list', args);
  let hasMain = true;
  const main = `refs/heads/${branch}`;
  const mainSpec = `+${main}:${SEEN}/main`;
  let last: RemoteView | undefined;
  let lastKinds = '';

  const bring = async (how: readonly string[], specs: readonly string[]): Promise<string> => {
    const usual = ['--prune', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules', '--update-shallow'];
    const withMain = specs.includes(mainSpec);
    const args = [...how, ...usual, '--', url, ...specs];
    const { code, stderr } = await run(withMain ? 'fetch' : 'fetch claims', args);
    // The first fetch has no tip to start from.
    if (code === 0) return stderr.replace(/^warning: ignoring --negotiation-tip=.*\n/gm, '');
    if (withMain && /couldn't find remote ref/i.test(stderr)) throw new NoMain();
    throw unreachable(url, stderr);
  };
  const specsOf = (kinds: readonly RefKind[]): string[] =>
    kinds.map((kind) => `+${remote.space}/${kind}/*:${SEEN}/${kind}/*`);
  const fetchMain = (): Promise<string> => bring(FROM_MAIN, [mainSpec]);
  /** Claims have no history: naming those that both have takes round trips, and spares nothing. */
  const fetchKinds = (kinds: readonly RefKind[]): Promise<string> =>
    bring(['-c', 'fetch.negotiationAlgorithm=noop', 'fetch'], specsOf(kinds));
  const fetchAll = async (kinds: readonly RefKind[]): Promise<string> => {
    const isLong = (last?.refs.size ?? 0) > FEW && isFar(url);
    if (!isLong) return bring(FROM_MAIN, [mainSpec, ...specsOf(kinds)]);
    return (await both([fetchMain(), fetchKinds(kinds)])).join('');
  };
  /** Undefined when it takes a whole fetch to tell. */
  const fetchDiffering = async (kinds: readonly RefKind[], expected: RemoteView): Promise<RemoteView | undefined> => {
    const { result, view: listed } = await listRemote(listing, url, main, remote.space, kinds);
    if (result.code !== 0) throw unreachable(url, result.stderr);
    if (listed.main === undefined) return undefined;
    const isMainNew = listed.main !== expected.main;
    const areRefsNew = !haveSameRefs(listed, expected, kinds);
    if (!isMainNew && !areRefsNew) return expected;
    last = undefined;
    await both([...(isMainNew ? [fetchMain()] : []), ...(areRefsNew ? [fetchKinds(kinds)] : [])]);
    const seen = await readSeen(dir);
    let { main: tip } = isMainNew ? seen : expected;
    // One that went in between may have come to its end on main: main is read after that.
    if (areRefsNew && [...listed.refs.keys()].some((name) => !seen.refs.has(name))) {
      await fetchMain();
      tip = (await readSeen(dir)).main;
    }
    return { main: tip, refs: areRefsNew ? seen.refs : expected.refs };
  };
  const remote: Remote = {
    url,
    space,
    async fetch(kinds = REF_KINDS, expected) {
      const isSame = last !== undefined && lastKinds === kinds.join();
      let said: string;
      try {
        // The first time, this host's own picture is brought in line as well.
        const found = expected && hasMain && lastKinds === kinds.join() && (await fetchDiffering(kinds, expected));
        if (found) return found;
        said = hasMain ? await fetchAll(kinds) : await fetchKinds(kinds);
      } catch (error) {
        if (!(error instanceof NoMain)) throw error;
        hasMain = false;
        last = undefined;
        said = await fetchKinds(kinds);
      }
      if (!hasMain) {
        // Whether somebody has made the branch since: the other refs alone would not tell.
        const { code, stderr } = await listing(['ls-remote', '--exit-code', '--', url, main]);
        if (code === 0) {
          hasMain = true;
          return remote.fetch(kinds);
        }
        // 2 says that there is none; anything else, that nobody could say.
        if (code !== 2) throw unreachable(url, stderr);
        await runGit(dir, ['update-ref', '-d', `${SEEN}/main`]);
      }
      // git prints a line for each ref that changed, and nothing else.
      if (isSame && said.trim() === '' && last) return last;
      last = await readSeen(dir);
      lastKinds = kinds.join();
      return last;
    },
    breakOff: () => over.abort(),
    async putBack(tip) {
      last = undefined;
      await readGit(dir, ['update-ref', `${SEEN}/main`, tip]);
    },
    async push(updates, { atomic = false } = {}) {
      if (updates.length === 0) return { kind: 'known', fates: new Map(), said: '' };
      if (updates.length > MOST_REFS && !atomic) {
        const fates = new Map<string, RefFate>();
        for (let at = 0; at < updates.length; at += MOST_REFS) {
          const part = await remote.push(updates.slice(at, at + MOST_REFS));
          if (part.kind === 'unknown') return part;
          for (const [ref, fate] of part.fates) fates.set(ref, fate);
        }
        return { kind: 'known', fates, said: '' };
      }
      // What the next fetch finds unchanged on the remote may differ from what was seen before this.
      last = undefined;
      const leases = updates.flatMap(({ ref, from }) =>
        from === 'any' ? [] : [`--force-with-lease=${ref}:${from ?? ''}`],
      );
      const specs = updates.map(({ ref, from, to }) => `${from === 'any' && to !== null ? '+' : ''}${to ?? ''}:${ref}`);
      const args = [
        'push',
        '--porcelain',
        '--no-verify',
        ...(atomic ? ['--atomic'] : []),
        ...leases,
        '--',
        url,
        ...specs,
      ];
      let result: Awaited<ReturnType<typeof runGit>>;
      try {
        result = await run(updates.some(({ ref }) => ref === main) ? 'publish' : 'push', args);
      } catch (error) {
        if (error instanceof MailboxError) return { kind: 'unknown', problem: error };
        throw error;
      }
      const fates = parsePorcelain(result.stdout.toString('utf8'));
      const isWhole = updates.every(({ ref }) => fates.has(ref));
      if (!isWhole || (result.code !== 0 && [...fates.values()].every((fate) => fate === 'ok')))
        return { kind: 'unknown', problem: unreachable(url, result.stderr) };
      if (updates.some(({ ref }) => ref === main) && fates.get(main) === 'ok') hasMain = true;
      return { kind: 'known', fates, said: result.stderr };
    },
  };
  return remote;
}

/** Nothing but main is named to the remote as what is here already. A pattern: it may not be there. */
const FROM_MAIN = ['fetch', `--negotiation-tip=${SEEN}/mai[n]`];
/** Refs that one request can name to the remote, beside main. */
const FEW = 12;

/** All of them, even when one fails: no process is left behind. */
async function both<T>(tasks: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(tasks);
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

class NoMain extends Error {}

/** `<flag>\t<from>:<to>\t<summary>` for each ref. */
function parsePorcelain(text: string): Map<string, RefFate> {
  const fates = new Map<string, RefFate>();
  for (const line of text.split('\n')) {
    const match = /^([ +\-*!=])\t[^\t]*?:([^\t]+)\t(.*)$/.exec(line);
    if (!match) continue;
    const [, flag, ref = '', summary = ''] = match;
    const isDeclined = /hook declined|deny updating a hidden ref|funny refname|prohibited|not allowed/i.test(summary);
    fates.set(ref, flag !== '!' ? 'ok' : isDeclined ? 'declined' : 'refused');
  }
  return fates;
}

/** What a person can do about a remote that does not answer. */
function unreachable(url: string, stderr: string): MailboxError {
  const said = gitFault(['fetch'], stderr).message;
  const where = withoutSecret(url);
  const hint = /authentication|permission denied|could not read (username|password)|403|401/i.test(stderr)
    ? `check this host's key or password for ${where}: git ls-remote ${where}`
    : /not found|does not exist|does not appear to be a git repository/i.test(stderr)
      ? `check the address under "remote" in .mailboxd/config.yaml: git ls-remote ${where}`
      : /corrupt|inflate|unable to (unpack|read)|is empty|bad (object|pack|tree)|missing (blob|tree|commit)|necessary objects/i.test(
            stderr,
          )
        ? 'an object is damaged or missing, here or on the remote: `git fsck` in both tells which; a fresh clone has it'
        : `look whether it can be reached: git ls-remote ${where}; it is tried again by itself`;
  return new MailboxError('unavailable', `${where}: ${said}`, { hint });
}
