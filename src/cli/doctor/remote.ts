/** What `doctor` looks at where the configuration names a remote. */
import { existsSync, lstatSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { messageOf, MailboxError } from '../../core/errors.js';
import { lockHolder } from '../../git/exchange/open.js';
import { checkPlace } from '../../git/identity.js';
import { probeRemote } from '../../git/probe.js';
import { SEEN } from '../../git/ref-names.js';
import { findBusy, type Repository } from '../../git/repository.js';
import { readGit, runGit } from '../../git/run.js';
import { withoutSecret } from '../../git/secrets.js';
import { pidOf } from '../../host/process-id.js';
import { isOldGit, parseGitVersion } from '../../mailbox/init-repository.js';
import type { Root } from '../../mailbox/root.js';
import { readStatus } from '../../mailbox/sync.js';
import { hostDir } from '../../store/paths.js';
import { ok, warn, wrong, type Finding } from './finding.js';

/** Clocks that differ by more than this are told, ms. Claims do not mind: nobody compares clocks. */
const SKEW = 60_000;
/** An exchange that reached the remote longer ago is told, ms. */
const STALE = 10 * 60_000;

export async function checkRemote(root: Root, now: number): Promise<Finding[]> {
  const { dir, config } = root;
  const { remote: url, host } = config;
  if (url === undefined) return [];
  const where = withoutSecret(url);
  if (!existsSync(join(dir, '.git')))
    return [wrong('remote', `${where} is named, but ${dir} is no git repository`, `mailboxd init ${dir} joins it`)];
  const version = parseGitVersion(await readGit(dir, ['--version']));
  const found: Finding[] = [];
  if (version && isOldGit(version))
    found.push(wrong('remote', `git ${version.join('.')} is too old for a remote`, 'install git 2.29 or later'));
  else found.push(ok('remote', `git ${version?.join('.') ?? 'of an unknown version'}`));
  found.push(checkRootPlace(dir, host));
  found.push(await checkWho(dir, url));
  found.push(...(await checkBranch(dir)));
  found.push(checkExchange(dir, now));
  found.push(...(await checkAbilities(dir, url, where)));
  return found;
}

function checkRootPlace(dir: string, host: string): Finding {
  try {
    checkPlace(dir, host);
    return ok('remote', `this host is ${host}`);
  } catch (error) {
    return wrong('remote', messageOf(error), error instanceof MailboxError ? (error.hint ?? '') : '');
  }
}

/** As whom the remote sees this host, and who its commits name. */
async function checkWho(dir: string, url: string): Promise<Finding> {
  const config = async (key: string): Promise<string> =>
    (await runGit(dir, ['config', '--get', key])).stdout.toString('utf8').trim();
  const [name, address] = [await config('user.name'), await config('user.email')];
  const commits = name && address ? `commits name ${name} <${address}>` : 'commits name mailboxd itself';
  const user = /^(?:[a-z][a-z0-9+.-]*:\/\/)?([^/@:]+)(?::[^/@]*)?@/i.exec(url)?.[1];
  if (/^https?:/i.test(url))
    return ok(
      'remote',
      `${user === undefined ? 'no user in the address: git asks its credential helper' : 'a user and a password are in the address'}; ${commits}`,
    );
  const isSsh = /^ssh:/i.test(url) || /^[^/\\:]+:/.test(url);
  return ok(
    'remote',
    `${isSsh ? `ssh as ${user ?? userInfo().username}` : `files as ${userInfo().username}`}; ${commits}`,
  );
}

/** What holds the person's branch back. */
async function checkBranch(dir: string): Promise<Finding[]> {
  const gitDir = await readGit(dir, ['rev-parse', '--absolute-git-dir']);
  const found: Finding[] = [];
  const busy = await findBusy({ gitDir } as Repository);
  if (busy) found.push(wrong('branch', busy.message, busy.hint));
  const lock = join(gitDir, 'index.lock');
  const held = lstatSync(lock, { throwIfNoEntry: false });
  if (held) {
    const age = Math.max(0, Math.round((Date.now() - held.mtimeMs) / 1000));
    found.push(
      wrong('branch', `${lock} is there since ${age} s: another git runs, or left it`, `when none runs: rm ${lock}`),
    );
  }
  const count = await runGit(dir, ['rev-list', '--count', `HEAD..${SEEN}/main`]);
  const behind = count.code === 0 ? Number(count.stdout.toString('utf8').trim()) : 0;
  if (behind > 0 && found.length === 0)
    found.push(
      warn(
        'branch',
        `main here is ${behind} ${behind === 1 ? 'commit' : 'commits'} behind what was last seen on the remote`,
        'mailboxd sync brings it up, or says what is in the way',
      ),
    );
  return found.length > 0 ? found : [ok('branch', 'main follows the remote')];
}

/** How the last exchange went. */
function checkExchange(dir: string, now: number): Finding {
  const own = join(hostDir(dir), 'git');
  const holder = lockHolder(own);
  if (holder === undefined)
    return warn(
      'exchange',
      'nobody exchanges for this root now',
      'mailboxd start does it all the time, mailboxd sync once',
    );
  const status = readStatus(join(own, 'status.json'));
  const who = `process ${pidOf(holder)}`;
  if (status?.problem)
    return wrong('exchange', `${who}: ${status.problem.message}`, status.problem.hint ?? 'see the log');
  if (!status?.reached) return warn('exchange', `${who} has not reached the remote yet`, 'look again in a few seconds');
  const ago = now - status.reached;
  const text = `${who} reached the remote ${Math.max(0, Math.round(ago / 1000))} s ago`;
  return ago > STALE
    ? warn('exchange', text, 'look into .mailboxd/logs; mailboxd notify makes it look now')
    : ok('exchange', text);
}

/** Reaches it, and tries what the exchange needs. */
async function checkAbilities(dir: string, url: string, where: string): Promise<Finding[]> {
  let probe: Awaited<ReturnType<typeof probeRemote>>;
  try {
    probe = await probeRemote(dir, url);
  } catch (error) {
    if (!(error instanceof MailboxError)) throw error;
    return [wrong('remote', error.message, error.hint ?? '')];
  }
  const { reach, space, declined, atomic, skew, left } = probe;
  const found = [ok('remote', `${where} answers in ${Math.round(reach)} ms`)];
  if (space === undefined)
    found.push(
      wrong('remote', `it takes no refs from this host: ${declined ?? ''}`, 'give its key or token the right to write'),
    );
  else if (declined === undefined) found.push(ok('remote', `it takes refs below ${space}`));
  else
    found.push(
      warn(
        'remote',
        `it takes nothing below refs/mailboxd (${declined})`,
        `the exchange uses ${space} there; do not protect branches of that name, nor delete them`,
      ),
    );
  if (space !== undefined) {
    if (atomic.ok) found.push(ok('remote', 'a push is taken whole or not at all'));
    else
      found.push(
        wrong(
          'remote',
          `it does not take a push whole: ${atomic.found}`,
          'use another server: claims are not safe there',
        ),
      );
  }
  if (skew === undefined) found.push(ok('remote', 'its clock is not known; it does not matter for claims'));
  else if (Math.abs(skew) > SKEW)
    found.push(
      warn(
        'remote',
        `its clock is ${Math.round(Math.abs(skew) / 1000)} s ${skew > 0 ? 'ahead of' : 'behind'} this one`,
        'claims do not mind; times in messages will look odd: timedatectl set-ntp true',
      ),
    );
  else found.push(ok('remote', 'its clock agrees with this one'));
  for (const ref of left)
    found.push(warn('remote', `a ref of this probe stays there: ${ref}`, `git push ${where} :${ref}`));
  return found;
}
