/**
 * Reading every host's heartbeat. It happens in a small bare repository of its own, which is thrown away: nothing of the
 * root's repository is touched, no ref and no lock, so a daemon may exchange at the same time; heartbeats, which are
 * replaced all day, leave no objects there; and a root without a repository can look too.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MailboxError, messageOf } from '../core/errors.js';
import { isAlive, ownProcess } from '../host/process-id.js';
import type { ExchangeState } from './exchange/state.js';
import { LONGEST_PRESENCE, parsePresence, type Presence } from './presence.js';
import { SPACES } from './ref-names.js';
import { withoutSecret } from './secrets.js';
import { gitFault, readGit, runGit } from './run.js';

/** What stands at one host's ref. */
export interface SeenPresence {
  host: string;
  oid: string;
  /** Undefined where it cannot be read; `problem` then says why. */
  presence: Presence | undefined;
  problem: string | undefined;
}

export interface PresenceLook {
  /** By host. Throws `unavailable` when the remote cannot be reached; one that cannot be read is no fault. */
  read(options?: { signal?: AbortSignal }): Promise<SeenPresence[]>;
  close(): void;
}

export interface LookPlace {
  /** The root, which relative remotes are relative to, and whose own git configuration says how to reach it. */
  root: string;
  /** `.mailboxd/git`. */
  ownDir: string;
  url: string;
}

/** Most hosts that are read. */
const MOST_HOSTS = 1_000;

let count = 0;

export function openPresenceLook({ root, ownDir, url }: LookPlace): PresenceLook {
  sweep(ownDir);
  const dir = join(ownDir, `look~${ownProcess()}~${count}`);
  count += 1;
  const inside = [`--git-dir=${dir}`];
  const make = async (): Promise<void> => {
    mkdirSync(ownDir, { recursive: true });
    await readGit(root, [...inside, 'init', '-q', '--bare', '--template=', '--object-format=sha1']);
    // What a person set for this root alone: credentials, a proxy, another ssh, the place of a URL.
    const { code, stdout } = await runGit(root, ['rev-parse', '--path-format=absolute', '--git-path', 'config']);
    const config = stdout.toString('utf8').trim();
    if (code === 0 && existsSync(join(root, '.git')))
      await readGit(root, [...inside, 'config', 'include.path', config]);
  };
  const fetch = async (signal: AbortSignal | undefined): Promise<void> => {
    const flags = ['--prune', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules', '-q'];
    const specs = SPACES.map((space, index) => `+${space}/presence/*:refs/look/${index}/*`);
    const args = [...inside, 'fetch', ...flags, '--', url, ...specs];
    const { code, stderr } = await runGit(root, args, signal ? { signal } : {});
    if (code === 0) return;
    const where = withoutSecret(url);
    throw new MailboxError('unavailable', `${where}: ${gitFault(args, stderr).message}`, {
      hint: `look whether it can be reached: git ls-remote ${where}`,
    });
  };
  return {
    async read({ signal } = {}) {
      if (!existsSync(join(dir, 'HEAD'))) await make();
      await fetch(signal);
      const format = '--format=%(objectname) %(objecttype) %(objectsize) %(refname:lstrip=3)';
      const listed = await readGit(root, [...inside, 'for-each-ref', `--count=${MOST_HOSTS}`, format, 'refs/look']);
      const seen = new Map<string, SeenPresence>();
      const messages = await readMessages(root, inside, listed);
      for (const line of listed.split('\n')) {
        const [oid = '', type, , host = ''] = line.split(' ');
        if (oid === '') continue;
        seen.set(host, { host, oid, ...readOne(messages.get(oid), host, type) });
      }
      return [...seen.values()].toSorted((a, b) => (a.host < b.host ? -1 : 1));
    },
    close: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** Every host's heartbeat, once. Throws `unavailable` when the remote cannot be reached. */
export async function readPresences(state: ExchangeState): Promise<SeenPresence[]> {
  const { dir, ownDir } = state.repository;
  const look = openPresenceLook({ root: dir, ownDir, url: state.remote.url });
  try {
    return await look.read();
  } finally {
    look.close();
  }
}

function readOne(
  message: string | undefined,
  host: string,
  type: string | undefined,
): Pick<SeenPresence, 'presence' | 'problem'> {
  try {
    if (message === undefined) {
      throw new MailboxError('invalid', `found ${type === 'commit' ? 'one that is too long' : `a ${type}`} there`);
    }
    return { presence: parsePresence(message, host), problem: undefined };
  } catch (error) {
    return { presence: undefined, problem: messageOf(error) };
  }
}

/** Commit messages by object id, of those that are commits and short enough. */
async function readMessages(root: string, inside: string[], listed: string): Promise<Map<string, string>> {
  const wanted = listed.split('\n').flatMap((line) => {
    const [oid = '', type, size] = line.split(' ');
    return type === 'commit' && Number(size) <= LONGEST_PRESENCE ? [oid] : [];
  });
  const messages = new Map<string, string>();
  if (wanted.length === 0) return messages;
  const input = wanted.map((oid) => `${oid}\n`).join('');
  const { stdout } = await runGit(root, [...inside, 'cat-file', '--batch'], { input });
  for (let at = 0; at < stdout.length; ) {
    const end = stdout.indexOf(10, at);
    const [oid = '', , size] = stdout.toString('latin1', at, end).split(' ');
    const text = stdout.toString('utf8', end + 1, end + 1 + Number(size));
    messages.set(oid, text.slice(text.indexOf('\n\n') + 2));
    at = end + 2 + Number(size);
    if (Number.isNaN(at)) break;
  }
  return messages;
}

/** What a look that was killed has left. */
function sweep(ownDir: string): void {
  if (!existsSync(ownDir)) return;
  for (const name of readdirSync(ownDir)) {
    const who = /^look~(.+)~\d+$/.exec(name)?.[1];
    if (who !== undefined && !isAlive(who)) rmSync(join(ownDir, name), { recursive: true, force: true });
  }
}
