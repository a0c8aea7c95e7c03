/** What `mailboxd doctor` looks at. Each check says what it found and, where that is wrong, how to mend it. */
import { accessSync, constants, existsSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { execa } from 'execa';
import { messageOf, MailboxError } from '../../core/errors.js';
import { STATES } from '../../core/message.js';
import { readParked } from '../../mailbox/parked.js';
import { configPath, readRoot, type Root } from '../../mailbox/root.js';
import { readServing } from '../../mailbox/serving.js';
import { findStrayFiles } from '../../mailbox/stray-files.js';
import { probeLogin } from '../../runners/claude/index.js';
import { createRunner } from '../../runners/index.js';
import { listMailboxes } from '../../store/list.js';
import { hostDir, scratchDir, stateDir } from '../../store/paths.js';
import { ok, warn, wrong, type Finding } from './finding.js';

export interface DoctorContext {
  dir: string;
  env: NodeJS.ProcessEnv;
  now: number;
  /** Ask the API whether the login works; costs a fraction of a cent. */
  probe: boolean;
}

type Check = (context: DoctorContext) => Finding[] | Promise<Finding[]>;

/** In the order in which they are shown. */
export const CHECKS: readonly Check[] = [
  checkNode,
  checkConfig,
  checkFolders,
  checkGit,
  checkExchange,
  checkRunner,
  checkDaemon,
  checkWatches,
  checkDisk,
  checkClock,
  checkStray,
];

function checkNode(): Finding[] {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isOld = major < 20 || (major === 20 && minor < 19);
  return [
    isOld
      ? wrong('node', `Node ${process.versions.node}`, 'install Node 20.19 or newer')
      : ok('node', `Node ${process.versions.node}`),
  ];
}

function configuredRoot(dir: string): Root | undefined {
  try {
    return readRoot(dir);
  } catch {
    return undefined; // told by checkConfig
  }
}

function checkConfig({ dir }: DoctorContext): Finding[] {
  const path = configPath(dir);
  let root: Root;
  try {
    root = readRoot(dir);
  } catch (error) {
    return [wrong('config', messageOf(error), error instanceof MailboxError ? (error.hint ?? '') : '')];
  }
  if (!root.configured) return [wrong('config', `there is no ${path}`, 'mailboxd init --as NAME [--mailbox NAME]…')];
  const found: Finding[] = [];
  const { serve, as } = root.config;
  const missing = serve.filter((name) => !listMailboxes(dir).includes(name));
  if (serve.length === 0) found.push(warn('config', 'it serves no mailbox', `add one to "serve" in ${path}`));
  else found.push(ok('config', `${as ?? 'no name'}, serves ${serve.join(', ')}, runner ${root.config.runner}`));
  if (missing.length > 0)
    found.push(
      warn('config', `it serves ${missing.join(', ')}, which is not there yet`, 'mailboxd start makes the folders'),
    );
  if (!/^key:/m.test(readFileSync(path, 'utf8')))
    found.push(
      wrong(
        'config',
        'it has no key, so what this host wrote is not known again',
        'run mailboxd init once more: it adds one',
      ),
    );
  const mode = statSync(path).mode & 0o077;
  if (process.platform !== 'win32' && mode !== 0)
    found.push(wrong('config', 'others may read the secret key in it', `chmod 600 ${path}`));
  return found;
}

function checkFolders({ dir }: DoctorContext): Finding[] {
  const found: Finding[] = [];
  const mailboxes = listMailboxes(dir);
  const folders = [
    hostDir(dir),
    ...mailboxes.flatMap((mailbox) => STATES.map((state) => stateDir(dir, mailbox, state))),
  ];
  for (const folder of folders) {
    if (!existsSync(folder)) continue;
    try {
      accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch {
      found.push(
        wrong('folders', `${folder} cannot be written to`, `give this user write access: chmod u+rwx ${folder}`),
      );
    }
  }
  const devices = new Set(
    folders.filter((folder) => existsSync(folder) && folder !== hostDir(dir)).map((folder) => statSync(folder).dev),
  );
  if (devices.size > 1)
    found.push(
      wrong(
        'folders',
        'the mailboxes lie on several file systems, between which no file can be renamed',
        'put mailboxes/ on one file system',
      ),
    );
  return found.length > 0
    ? found
    : [ok('folders', `${mailboxes.length} ${mailboxes.length === 1 ? 'mailbox' : 'mailboxes'}, all can be written to`)];
}

async function checkGit({ dir, env }: DoctorContext): Promise<Finding[]> {
  const git = async (...args: string[]): Promise<{ exitCode: number | undefined; stdout: string }> => {
    // A repository may name programs to run (core.fsmonitor, hooks): not on our account.
    const safe = ['-C', dir, '-c', 'core.fsmonitor=false', '-c', 'core.hooksPath=/dev/null'];
    const environment = Object.fromEntries(
      ['PATH', 'HOME'].flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
    );
    const { exitCode, stdout } = await execa('git', [...safe, ...args], {
      env: environment,
      extendEnv: false,
      reject: false,
      stdin: 'ignore',
      timeout: 10_000,
    });
    return { exitCode, stdout };
  };
  const inside = await git('rev-parse', '--is-inside-work-tree');
  if (inside.exitCode === undefined)
    return [warn('git', 'git was not found', 'install git to carry mailboxes between machines')];
  if (inside.exitCode !== 0) return [ok('git', 'no git working tree')];
  const tracked = await git('ls-files', '--', '.mailboxd');
  if (tracked.stdout !== '')
    return [
      wrong(
        'git',
        'git tracks files of .mailboxd/, with the secret key among them',
        'git rm -r --cached .mailboxd && git commit -m "Take .mailboxd out of git"; then, since others may have the key: mailboxd init --new-host',
      ),
    ];
  const ignored = await git('check-ignore', '-q', '--', '.mailboxd/config.yaml');
  if (ignored.exitCode !== 0)
    return [
      wrong(
        'git',
        'git does not ignore .mailboxd/, which holds a secret key',
        'mailboxd init --as NAME adds what is missing',
      ),
    ];
  return [ok('git', '.mailboxd/ is kept out of git')];
}

/** Loaded where there is a remote: the others need nothing of it. */
async function checkExchange({ dir, now }: DoctorContext): Promise<Finding[]> {
  const root = configuredRoot(dir);
  if (root?.config.remote === undefined) return [];
  const { checkRemote } = await import('./remote.js');
  return checkRemote(root, now);
}

async function checkRunner({ dir, env, probe }: DoctorContext): Promise<Finding[]> {
  const root = configuredRoot(dir);
  if (!root) return [];
  const { config } = root;
  config.runners.claude.warm = 0;
  const found: Finding[] = [];
  const add = (check: string, { ok: isOk, message, hint }: { ok: boolean; message: string; hint?: string }): void =>
    void found.push(isOk ? ok(check, message) : wrong(check, message, hint ?? ''));
  const runner = createRunner(config.runner, config, { scratch: scratchDir(dir), environment: env });
  try {
    const answer = await runner.check();
    add(`runner ${config.runner}`, answer);
    if (answer.ok && probe && config.runner === 'claude')
      add('login', await probeLogin(config.runners.claude, { environment: env }));
  } finally {
    await runner.close();
  }
  return found;
}

function checkDaemon({ dir, now }: DoctorContext): Finding[] {
  const daemons = readServing(dir);
  const running = daemons.map((daemon) =>
    ok('daemon', `process ${daemon.pid} serves ${daemon.mailboxes.join(', ')} since ${daemon.since}`),
  );
  const parked = readParked(dir).map((item) => {
    const hint =
      item.reason === 'login'
        ? 'mailboxd login'
        : Date.parse(item.next_try) > now
          ? `next try ${item.next_try}`
          : 'it is tried when a daemon runs';
    return warn('parked', `${item.mailbox} is parked (${item.reason}): ${item.message}`, hint);
  });
  return [
    ...(running.length > 0
      ? running
      : [warn('daemon', 'none runs on this host', 'mailboxd start, or mailboxd service install')]),
    ...parked,
  ];
}

function checkWatches({ dir }: DoctorContext): Finding[] {
  if (process.platform !== 'linux') return [];
  const limit = (name: string): number => {
    try {
      return Number(readFileSync(`/proc/sys/fs/inotify/${name}`, 'utf8'));
    } catch {
      return Number.NaN;
    }
  };
  const instances = limit('max_user_instances');
  const watches = limit('max_user_watches');
  // An inbox has a watch for each of up to 500 files; above that, one for the folder.
  const wanted = listMailboxes(dir).length * 1_002 + 1;
  if (watches < wanted)
    return [
      warn(
        'watches',
        `inotify allows ${watches} watches, ${wanted} may be wanted`,
        'sysctl fs.inotify.max_user_watches=524288; until then folders are looked at every few seconds',
      ),
    ];
  if (instances < 16)
    return [warn('watches', `inotify allows ${instances} instances`, 'sysctl fs.inotify.max_user_instances=128')];
  return [ok('watches', `inotify allows ${watches} watches`)];
}

function checkDisk({ dir }: DoctorContext): Finding[] {
  const { bavail, bsize, ffree, files } = statfsSync(dir);
  const free = bavail * bsize;
  const text = `${(free / 2 ** 30).toFixed(1)} GiB free`;
  if (free < 100 * 2 ** 20) return [wrong('disk', text, 'free some space: messages wait while the disk is full')];
  if (files > 0 && ffree < 1_000)
    return [wrong('disk', `only ${ffree} more files fit on it`, 'remove files, or use another file system')];
  return [ok('disk', text)];
}

function checkClock({ dir, now }: DoctorContext): Finding[] {
  if (now < Date.UTC(2025, 0))
    return [wrong('clock', `it says ${new Date(now).toISOString()}`, 'set the clock: timedatectl set-ntp true')];
  const probe = statSync(hostDir(dir), { throwIfNoEntry: false });
  if (probe && probe.mtimeMs > now + 60_000)
    return [
      warn('clock', 'the file system is ahead of this machine by more than a minute', 'let both keep network time'),
    ];
  return [ok('clock', new Date(now).toISOString())];
}

function checkStray({ dir, now }: DoctorContext): Finding[] {
  const found = findStrayFiles(dir, now);
  if (found.length === 0) return [ok('files', 'nothing lies about that is no message')];
  return found.map(({ path, why }) => warn('files', `${path}: ${why}`, 'it is left alone: rename, move or remove it'));
}

/** All findings; a check that itself fails is one. */
export async function examine(context: DoctorContext): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const check of CHECKS) {
    try {
      findings.push(...(await check(context)));
    } catch (error) {
      findings.push(
        wrong(check.name.replace(/^check/, '').toLowerCase(), messageOf(error), 'this could not be looked at'),
      );
    }
  }
  return findings;
}
