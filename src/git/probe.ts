/**
 * What a remote can do, found out by doing it: two refs with random names are created, changed and deleted the way the
 * exchange does it. Nothing stays behind, whatever fails.
 */
import { randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { MailboxError } from '../core/errors.js';
import { SPACES, type RefSpace } from './ref-names.js';
import { gitFault, readGit, runGit } from './run.js';
import { withoutSecret } from './secrets.js';

export interface RemoteProbe {
  /** How long reading the refs took, ms. */
  reach: number;
  /** Where refs of ours are taken; undefined: nowhere, for the reason in `declined`. */
  space: RefSpace | undefined;
  /** What the remote said to refs that it did not take. */
  declined: string | undefined;
  /** Whether a push is refused whole when one of its leases fails, and taken whole else. */
  atomic: { ok: true } | { ok: false; found: string };
  /** The remote's clock less this one, ms, to about a second; undefined: it does not say. */
  skew: number | undefined;
  /** Probe refs that could not be deleted. */
  left: string[];
}

/** Longest wait for the clock of a web server, ms. */
const CLOCK_TIMEOUT = 10_000;

/** Probes `url` with the git of the repository in `dir`. Throws `unavailable` when it cannot be reached. */
export async function probeRemote(dir: string, url: string): Promise<RemoteProbe> {
  const began = performance.now();
  const listed = await runGit(dir, ['ls-remote', '--', url, 'refs/heads/main'], { timeout: 30_000 });
  const reach = performance.now() - began;
  if (listed.code !== 0) throw notReached(url, listed.stderr);
  const name = `probe/${randomBytes(8).toString('hex')}`;
  const [one, other] = [await makeCommit(dir, `${name} 1`), await makeCommit(dir, `${name} 2`)];
  let space: RefSpace | undefined;
  let declined: string | undefined;
  let atomic: RemoteProbe['atomic'] = { ok: false, found: 'it takes no refs of ours' };
  let left: string[] = [];
  const tried: string[] = [];
  try {
    for (const candidate of SPACES) {
      const ref = `${candidate}/${name}-1`;
      tried.push(ref, `${candidate}/${name}-2`);
      const { code, stdout, stderr } = await push(dir, url, [{ ref, from: '', to: one }]);
      if (code === 0) {
        space = candidate;
        break;
      }
      declined = reasonOf(stdout, stderr);
    }
    if (space !== undefined) atomic = await probeAtomic(dir, url, `${space}/${name}`, one, other);
  } finally {
    left = await removeRefs(dir, url, tried);
  }
  return { reach, space, declined, atomic, skew: await readSkew(url), left };
}

interface Update {
  ref: string;
  /** The lease; empty: it must not exist. */
  from: string;
  to: string;
}

async function push(dir: string, url: string, updates: readonly Update[], atomic = false) {
  const leases = updates.map(({ ref, from }) => `--force-with-lease=${ref}:${from}`);
  const flags = ['--porcelain', '--no-verify', ...(atomic ? ['--atomic'] : [])];
  const specs = updates.map(({ ref, to }) => `${to}:${ref}`);
  const result = await runGit(dir, ['push', ...flags, ...leases, '--', url, ...specs]);
  return { ...result, stdout: result.stdout.toString('utf8') };
}

async function probeAtomic(
  dir: string,
  url: string,
  ref: string,
  one: string,
  other: string,
): Promise<RemoteProbe['atomic']> {
  const [first, second] = [`${ref}-1`, `${ref}-2`];
  const wrong = [
    { ref: first, from: other, to: other },
    { ref: second, from: '', to: one },
  ];
  await push(dir, url, wrong, true);
  const refused = await readRefs(dir, url, [first, second]);
  if (refused.get(first) !== one) return { ok: false, found: 'a ref was changed although its lease failed' };
  if (refused.has(second)) return { ok: false, found: 'half of a push was taken although a lease of it failed' };
  const right = [
    { ref: first, from: one, to: other },
    { ref: second, from: '', to: one },
  ];
  const { code, stdout, stderr } = await push(dir, url, right, true);
  const taken = await readRefs(dir, url, [first, second]);
  if (code === 0 && taken.get(first) === other && taken.get(second) === one) return { ok: true };
  return { ok: false, found: reasonOf(stdout, stderr) };
}

async function readRefs(dir: string, url: string, refs: readonly string[]): Promise<Map<string, string>> {
  const { code, stdout, stderr } = await runGit(dir, ['ls-remote', '--', url, ...refs]);
  if (code !== 0) throw notReached(url, stderr);
  const lines = stdout.toString('utf8').split('\n').filter(Boolean);
  return new Map(lines.map((line) => [line.split('\t')[1] ?? '', line.split('\t')[0] ?? '']));
}

/** Deletes what is there of `refs`; returns what could not be deleted. */
async function removeRefs(dir: string, url: string, refs: readonly string[]): Promise<string[]> {
  for (let tries = 0; ; tries += 1) {
    try {
      const there = [...(await readRefs(dir, url, refs)).keys()];
      if (there.length === 0) return [];
      if (tries >= 2) return there;
      await runGit(dir, ['push', '--no-verify', '--', url, ...there.map((ref) => `:${ref}`)]);
    } catch (error) {
      if (tries >= 2 || !(error instanceof MailboxError)) return [...refs];
    }
  }
}

async function makeCommit(dir: string, message: string): Promise<string> {
  const tree = await readGit(dir, ['hash-object', '-t', 'tree', '-w', '--stdin'], { input: '' });
  const who = { NAME: 'mailboxd', EMAIL: 'mailboxd@localhost' };
  const env = Object.fromEntries(
    Object.entries(who).flatMap(([key, value]) => [
      [`GIT_AUTHOR_${key}`, value],
      [`GIT_COMMITTER_${key}`, value],
    ]),
  );
  return readGit(dir, ['commit-tree', tree, '-m', message], { env });
}

/** What the remote said, in one line. */
function reasonOf(stdout: string, stderr: string): string {
  const summary = /^!\t[^\t]*\t(.*)$/m.exec(stdout)?.[1];
  const remote = [...stderr.matchAll(/^remote:\s*(\S.*)$/gm)].map(([, text]) => (text ?? '').trim());
  const fatal = /^(?:fatal|error): (.*)$/m.exec(stderr)?.[1];
  return [summary ?? fatal ?? 'it was refused', ...remote.slice(0, 2)].join(' · ').slice(0, 300);
}

function notReached(url: string, stderr: string): MailboxError {
  const where = withoutSecret(url);
  const said = gitFault(['ls-remote'], stderr.replaceAll(url, where)).message;
  const hint = /authentication|permission denied|could not read (username|password)|terminal prompts|403|401/i.test(
    stderr,
  )
    ? `it wants another key or password: try git ls-remote ${where} as this user`
    : /host key verification/i.test(stderr)
      ? `make its key known once: ssh into it by hand, as this user`
      : `check the address under "remote" in .mailboxd/config.yaml and the network: git ls-remote ${where}`;
  return new MailboxError('unavailable', `${where}: ${said}`, { hint });
}

/** The Date header of a web server, against this clock. */
async function readSkew(url: string): Promise<number | undefined> {
  if (!/^https?:\/\//i.test(url)) return undefined;
  const target = new URL(url);
  target.username = '';
  target.password = '';
  const send = target.protocol === 'https:' ? httpsRequest : httpRequest;
  const before = Date.now();
  const date = await new Promise<string | undefined>((resolve) => {
    const call = send(target, { method: 'HEAD', agent: false, timeout: CLOCK_TIMEOUT }, (answer) => {
      resolve(answer.headers.date);
      answer.destroy();
    });
    call.on('timeout', () => call.destroy());
    call.on('error', () => resolve(undefined));
    call.end();
  });
  const there = date === undefined ? Number.NaN : Date.parse(date);
  if (Number.isNaN(there)) return undefined;
  // It is cut to whole seconds.
  return there + 500 - (before + Date.now()) / 2;
}
