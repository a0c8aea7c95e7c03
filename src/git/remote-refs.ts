/** What is read of a remote's refs, and of this host's own picture of them. */
import { readGit, type GitResult } from './run.js';
import { SEEN, type RefKind, type RefSpace } from './ref-names.js';

/** What is on the remote: `refs` by `<kind>/<name>`. */
export interface RemoteView {
  main: string | undefined;
  refs: ReadonlyMap<string, string>;
}

/** The refs of the remote at one moment, without their objects. `code`: git's, for the caller to judge. */
export async function listRemote(
  run: (args: readonly string[]) => Promise<GitResult>,
  url: string,
  main: string,
  space: RefSpace,
  kinds: readonly RefKind[],
): Promise<{ result: GitResult; view: RemoteView }> {
  const patterns = [main, ...kinds.map((kind) => `${space}/${kind}/*`)];
  const result = await run(['ls-remote', '--', url, ...patterns]);
  const refs = new Map<string, string>();
  let tip: string | undefined;
  for (const line of result.stdout.toString('utf8').split('\n')) {
    const [oid = '', ref = ''] = line.split('\t');
    // A pattern matches the end of a name: what else ends so is none of ours.
    if (ref === main) tip = oid;
    else if (ref.startsWith(`${space}/`)) refs.set(ref.slice(space.length + 1), oid);
  }
  return { result, view: { main: tip, refs: only(refs, kinds) } };
}

/** This host's own picture, whose objects are all here. */
export async function readSeen(dir: string): Promise<RemoteView> {
  const listed = await readGit(dir, ['for-each-ref', '--format=%(objectname) %(refname)', SEEN]);
  const refs = new Map<string, string>();
  for (const line of listed.split('\n')) {
    const at = line.indexOf(' ');
    if (at > 0) refs.set(line.slice(at + 1 + SEEN.length + 1), line.slice(0, at));
  }
  const tip = refs.get('main');
  refs.delete('main');
  return { main: tip, refs };
}

/** Whether both have the same refs of these kinds. */
export function haveSameRefs(one: RemoteView, other: RemoteView, kinds: readonly RefKind[]): boolean {
  const [ours, theirs] = [only(one.refs, kinds), only(other.refs, kinds)];
  return ours.size === theirs.size && [...ours].every(([name, oid]) => theirs.get(name) === oid);
}

function only(refs: ReadonlyMap<string, string>, kinds: readonly RefKind[]): Map<string, string> {
  return new Map([...refs].filter(([name]) => kinds.some((kind) => name.startsWith(`${kind}/`))));
}

/** Whether a question to it goes through a network, where each round trip costs more than a process. */
export function isFar(url: string): boolean {
  return !url.startsWith('file://') && (/^[a-z][a-z0-9+.-]*:\/\//i.test(url) || /^[^/\\]{2,}:/.test(url));
}
