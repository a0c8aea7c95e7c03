import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { testdir } from '../testdir.js';
import { gitEnvironment } from './git.js';
import { makeNamespaces } from './namespaces.js';

/** How a process in a host ended; `status` is null when it was killed. */
export interface HostResult {
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface HostOptions {
  /** Added to the host's own environment (gitEnvironment with its home). */
  env?: NodeJS.ProcessEnv;
  /** The host's folder unless told. */
  cwd?: string;
}

/**
 * Hosts on one switch, each in a network namespace of its own with its own name, home and folder: what they share is
 * what they reach over the network. Host 0 is where remotes are served; the others are numbered from 1.
 */
export interface NetHosts extends AsyncDisposable {
  /** The address of a host, as the other hosts see it. */
  address(host: number): string;
  /** A folder of the host: `home/` in it is its HOME. */
  dir(host: number): string;
  /** The environment of the host's processes. */
  env(host: number): NodeJS.ProcessEnv;
  /** Runs a program to its end; it is killed after `timeout` ms (20 s unless told). */
  exec(host: number, argv: readonly string[], options?: HostOptions & { timeout?: number }): Promise<HostResult>;
  /** Starts a program, with pipes; whoever starts it ends it, or `close()` does. */
  spawn(host: number, argv: readonly string[], options?: HostOptions): ChildProcess;
  /** Pulls the host's cable. */
  unplug(host: number): Promise<void>;
  plug(host: number): Promise<void>;
  /** Kills what runs in the hosts and removes them. The same happens when this process dies. */
  close(): Promise<void>;
}

/** Makes `count` hosts beside host 0. Needs root. */
export async function netHosts(count: number): Promise<NetHosts> {
  const net = await makeNamespaces(count + 1);
  const dirs = net.names.map(() => testdir({ 'home/': '' }));
  const of = <T>(list: readonly T[], host: number): T => {
    const found = list[host];
    if (found === undefined) throw new Error(`found no host ${host}; there are 0 to ${list.length - 1}`);
    return found;
  };
  const env = (host: number): NodeJS.ProcessEnv => gitEnvironment(join(of(dirs, host), 'home'), `Host-${host}`);

  const start: NetHosts['spawn'] = (host, argv, options = {}) => {
    // Each host has a name of its own, as far as its processes can see.
    const named = ['unshare', '--uts', 'sh', '-c', 'echo "$0" >/proc/sys/kernel/hostname && exec "$@"', `host-${host}`];
    return spawn('ip', ['netns', 'exec', of(net.names, host), ...named, ...argv], {
      cwd: options.cwd ?? of(dirs, host),
      env: { ...env(host), ...options.env },
      stdio: 'pipe',
    });
  };

  return {
    address: (host) => of(net.addresses, host),
    dir: (host) => of(dirs, host),
    env,
    spawn: start,
    exec: async (host, argv, options = {}) => {
      const child = start(host, argv, options);
      child.stdin?.end();
      return collect(child, options.timeout ?? 20_000);
    },
    unplug: (host) => net.setCable(host, 'down'),
    plug: (host) => net.setCable(host, 'up'),
    close: net.close,
    [Symbol.asyncDispose]: net.close,
  };
}

async function collect(child: ChildProcess, timeout: number): Promise<HostResult> {
  let [stdout, stderr] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    stdout += part;
  });
  child.stderr?.setEncoding('utf8').on('data', (part: string) => {
    stderr += part;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), timeout);
  try {
    const [status] = (await once(child, 'close')) as [number | null];
    return { status, stdout, stderr };
  } finally {
    clearTimeout(timer);
  }
}
