/**
 * Makes sure of the programs that the tests of hosts use (tests/hosts/*.hosts.ts): git with its http-backend, an ssh
 * server, and `ip` for network namespaces. Installs what is missing with apt-get and does nothing where all is there;
 * two at once wait for each other. Then it tries a namespace. Prints one line; exits 1 with what to do otherwise:
 * a machine that cannot run these tests fails them, it does not skip them.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

/** Debian package → programs that are looked for. */
const PACKAGES = {
  git: ['git'],
  'openssh-server': ['sshd'],
  'openssh-client': ['ssh', 'ssh-keygen'],
  iproute2: ['ip'],
  'util-linux': ['unshare', 'flock'],
};

/** Says to the scripts of a package, while it is installed, that no service may be started. */
const POLICY = '/usr/sbin/policy-rc.d';

/** @returns {string[]} */
function findMissing() {
  const places = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  const there = (program) => places.some((dir) => dir !== '' && existsSync(join(dir, program)));
  const missing = Object.keys(PACKAGES).filter((name) => !PACKAGES[name].every(there));
  if (!missing.includes('git') && !hasHttpBackend()) missing.push('git');
  return missing;
}

function hasHttpBackend() {
  const dir = execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim();
  return existsSync(join(dir, 'git-http-backend'));
}

/** @param {string[]} packages */
function install(packages) {
  if (process.getuid?.() !== 0) throw new Error('this process is not root, so apt-get cannot install them');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args) => {
    execFileSync('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=300', ...args], {
      env,
      stdio: 'pipe',
      encoding: 'utf8',
      timeout: 600_000,
    });
  };
  // The package would start a server for everybody, with this machine's keys; the tests start their own.
  const silence = !existsSync(POLICY);
  if (silence) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' });
  try {
    apt('update');
    apt('install', '--yes', '--no-install-recommends', ...packages);
  } finally {
    if (silence) rmSync(POLICY, { force: true });
  }
  const left = findMissing();
  if (left.length > 0) throw new Error(`after the installation there is still no ${left.join(', ')}`);
}

/** A namespace with both ends of a cable, made and removed. */
function tryNamespace() {
  const name = `mbx-${process.pid}-try`;
  const ip = (...args) => execFileSync('ip', args, { stdio: 'pipe', encoding: 'utf8', timeout: 20_000 });
  ip('netns', 'add', name);
  try {
    ip('-n', name, 'link', 'add', 'bridge', 'type', 'bridge');
    ip('-n', name, 'link', 'add', 'plug', 'type', 'veth', 'peer', 'name', 'socket');
  } finally {
    ip('netns', 'del', name);
  }
}

function ensure() {
  if (process.platform !== 'linux') throw new Error('this is not Linux, and the tests use its network namespaces');
  const missing = findMissing();
  if (missing.length > 0) {
    if (process.argv.includes('--alone') || missing.includes('util-linux')) {
      install(missing);
    } else {
      const lock = join(tmpdir(), 'mailboxd-install-hosts.lock');
      const again = [process.execPath, fileURLToPath(import.meta.url), '--alone'];
      execFileSync('flock', [lock, ...again], { stdio: 'pipe', encoding: 'utf8', timeout: 1_200_000 });
    }
  }
  if (process.getuid?.() !== 0) throw new Error('this process is not root, so it can make no network namespace');
  tryNamespace();
  console.log(`hosts: ${Object.keys(PACKAGES).join(', ')} ${missing.length > 0 ? 'installed' : 'are there'}`);
}

try {
  ensure();
} catch (error) {
  const said = [error.message, error.stderr].filter(Boolean).join('\n').trim();
  console.error(`The tests of hosts cannot run here:\n${said}`);
  console.error(
    `They need Linux, root (or a container where you are), and the Debian packages ${Object.keys(PACKAGES).join(', ')}. ` +
      'Run as root: node scripts/install-hosts.mjs',
  );
  process.exitCode = 1;
}
