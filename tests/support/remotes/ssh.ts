import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { testdir } from '../testdir.js';
import { waitUntil } from '../wait-until.js';
import { bareRemote, type BareOptions, type BareRemote } from './bare.js';
import { gitEnvironment } from './git.js';
import { findDescendants, type Guard, startGuard } from './guard.js';

/** A bare repository behind Debian's ssh server on loopback, with its own keys. */
export interface SshRemote extends BareRemote, AsyncDisposable {
  /** What git needs to come in: GIT_SSH_COMMAND with the key and the known host. */
  env: NodeJS.ProcessEnv;
  port: number;
  /** What the server said so far. */
  log(): string;
  close(): Promise<void>;
}

/** What the server is known as, so that it is known by way of a proxy as well. */
const ALIAS = 'mailboxes.test';

/** How long the server may take to listen, ms. */
const START = 10_000;

/** How long sessions may take to end when the remote is closed, ms. */
const SESSION_END = 500;

/**
 * sshd as the current user, with its own configuration. As root it wants the folder /run/sshd, which its service would
 * make: it gets a /run of its own in a mount namespace, so that nothing of the system is touched.
 */
const SCRIPT = `
if [ "$(id -u)" = 0 ]; then
  unshare --mount sh -c 'mount -t tmpfs none /run && mkdir -m 755 /run/sshd && exec "$@"' sh "$@" &
else
  "$@" &
fi
pid=$!
cat >/dev/null
kill -KILL $pid 2>/dev/null
wait $pid 2>/dev/null
`;

/** Serves a repository over ssh, to one key, on a free port. */
export async function sshRemote(options: BareOptions & { repository?: BareRemote } = {}): Promise<SshRemote> {
  const dir = (options.repository ?? bareRemote(options)).dir;
  const top = testdir({ 'home/': '' });
  for (const key of ['host_key', 'client_key']) makeKey(join(top, key));
  for (let attempt = 1; ; attempt += 1) {
    const port = await findFreePort();
    const server = await startServer(top, port);
    if (server !== undefined) return describe(server, { dir, top, port });
    if (attempt === 5) throw new Error('found no free port for the ssh server in 5 attempts');
  }
}

interface Server {
  guard: Guard;
  said: () => string;
}

function describe({ guard, said }: Server, { dir, top, port }: { dir: string; top: string; port: number }): SshRemote {
  const hostKey = readFileSync(join(top, 'host_key.pub'), 'utf8').trim();
  writeFileSync(join(top, 'known_hosts'), `${ALIAS} ${hostKey}\n`);
  const close = async (): Promise<void> => {
    // Sessions of clients outlive the server that took them in; most are about to end by themselves.
    const { pid = -1 } = guard.child;
    const ended = waitUntil(() => findDescendants(pid).length <= 1, { timeout: SESSION_END });
    await ended.catch(() => findDescendants(pid).slice(1).forEach(kill));
    await guard.release();
  };
  return {
    url: `ssh://${userInfo().username}@127.0.0.1:${port}${dir}`,
    dir,
    env: { GIT_SSH_COMMAND: clientCommand(top), GIT_SSH_VARIANT: 'ssh' },
    port,
    log: said,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Resolves when it listens, with undefined when the port is taken by now; throws with what it said otherwise. */
async function startServer(top: string, port: number): Promise<Server | undefined> {
  writeFileSync(join(top, 'authorized_keys'), readFileSync(join(top, 'client_key.pub')));
  writeFileSync(join(top, 'sshd_config'), serverConfig(top, port));
  const command = [findServer(), '-D', '-e', '-f', join(top, 'sshd_config')];
  const guard = startGuard(SCRIPT, command, gitEnvironment(join(top, 'home')));
  let text = '';
  const outcome = await new Promise<'listens' | 'taken' | 'failed'>((settle) => {
    const timer = setTimeout(() => settle('failed'), START);
    guard.child.stderr?.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      if (text.includes(`Server listening on 127.0.0.1 port ${port}`)) settle('listens');
      else if (/address already in use/i.test(text)) settle('taken');
      else if (/fatal|bad configuration|missing|cannot|failed|denied|permitted/i.test(text)) settle('failed');
      else return;
      clearTimeout(timer);
    });
  });
  if (outcome === 'listens') return { guard, said: () => text };
  await guard.release();
  if (outcome === 'taken') return undefined;
  throw new Error(`the ssh server did not start within ${START} ms; it said:\n${text}`);
}

function serverConfig(top: string, port: number): string {
  return [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${top}/host_key`,
    `AuthorizedKeysFile ${top}/authorized_keys`,
    `AllowUsers ${userInfo().username}`,
    'PermitRootLogin prohibit-password',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'UsePAM no',
    'PidFile none',
    'UseDNS no',
    'PrintMotd no',
    'PrintLastLog no',
    'PermitUserRC no',
    'AllowTcpForwarding no',
    // The folder is below one that everybody may write in.
    'StrictModes no',
    // By default the eleventh at once may be turned away, by chance.
    'MaxStartups 200',
    'LogLevel INFO',
    // Sessions know as little of this machine as the tests' own git.
    `SetEnv HOME=${top}/home GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null LC_ALL=C`,
    '',
  ].join('\n');
}

function clientCommand(top: string): string {
  const options = {
    IdentitiesOnly: 'yes',
    IdentityAgent: 'none',
    UserKnownHostsFile: `${top}/known_hosts`,
    GlobalKnownHostsFile: '/dev/null',
    HostKeyAlias: ALIAS,
    StrictHostKeyChecking: 'yes',
    BatchMode: 'yes',
    ConnectTimeout: '10',
    LogLevel: 'ERROR',
  };
  const flags = Object.entries(options).map(([name, value]) => `-o ${name}=${value}`);
  return `ssh -F none -i ${top}/client_key ${flags.join(' ')}`;
}

function makeKey(file: string): void {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', file], { stdio: 'pipe' });
}

/** sshd must be started by its whole path, for it starts itself again. */
function findServer(): string {
  const places = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin'];
  const found = places.map((place) => join(place, 'sshd')).find((path) => existsSync(path));
  if (found === undefined) throw new Error('found no sshd; run as root: node scripts/install-hosts.mjs');
  return found;
}

async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === 'string') throw new Error('found no free port');
  return address.port;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}
