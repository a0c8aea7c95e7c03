import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { git } from '../support/remotes/git.js';
import { type HostRemote, startHttpRemote } from '../support/remotes/host-remote.js';
import { type NetHosts, netHosts } from '../support/remotes/hosts.js';
import { makeNamespaces } from '../support/remotes/namespaces.js';
import { waitUntil } from '../support/wait-until.js';

const namespaces = (): string[] => {
  try {
    return readdirSync('/run/netns').filter((name) => name.startsWith('mbx-'));
  } catch {
    return [];
  }
};

describe('hosts on a network', () => {
  let hosts: NetHosts;
  let remote: HostRemote;
  const on = (host: number, ...args: string[]): ReturnType<NetHosts['exec']> =>
    hosts.exec(host, ['git', '-c', 'http.lowSpeedLimit=1', '-c', 'http.lowSpeedTime=2', ...args]);

  beforeAll(async () => {
    hosts = await netHosts(2);
    remote = await startHttpRemote(hosts, { user: 'worker', password: 'secret' });
    for (const host of [1, 2]) {
      await on(host, 'init', '-q', '-b', 'main');
      await on(host, 'remote', 'add', 'origin', remote.urlWithPassword);
      await on(host, 'commit', '-q', '--allow-empty', '-m', `Of host ${host}`);
    }
  });
  afterAll(() => hosts.close());

  it('have names, and reach the remote and nothing of this machine', async () => {
    expect((await hosts.exec(1, ['sh', '-c', 'cat /proc/sys/kernel/hostname; ip route'])).stdout).toMatch(
      /^host-1\n10\.83\.0\.0\/24 dev eth0 [^\n]*\n$/,
    );
    expect((await on(1, 'push', '-q', 'origin', 'main')).status).toBe(0);
    expect((await on(2, 'fetch', '-q', 'origin')).status).toBe(0);
    expect((await on(2, 'ls-remote', remote.url)).stderr).toContain('could not read Username');
    expect((await on(2, 'ls-remote', 'http://127.0.0.1:8080/remote.git')).stderr).toContain('Failed to connect');
    expect(remote.requests().map(({ status }) => status)).toContain(401);
  });

  it('cannot push when unplugged, while the others can, and can again when plugged in', async () => {
    const push = (host: number): ReturnType<typeof on> => on(host, 'push', 'origin', `HEAD:refs/heads/cable-${host}`);
    await hosts.unplug(1);
    const [out, other] = await Promise.all([push(1), push(2)]);
    expect(out.status).not.toBe(0);
    expect(out.stderr).toMatch(/unable to access|No route to host|unreachable/i);
    expect(other.status).toBe(0);
    await hosts.plug(1);
    await waitUntil(async () => (await push(1)).status === 0, { timeout: 20_000, what: 'the network of host 1' });
    const env = hosts.env(0);
    expect(await git(['for-each-ref', '--format=%(refname)', 'refs/heads/cable-*'], { cwd: remote.dir, env })).toBe(
      'refs/heads/cable-1\nrefs/heads/cable-2',
    );
  });

  it('see the remote fail, end and come back at the same URL', async () => {
    await remote.fail({ status: 503 });
    expect((await on(1, 'ls-remote', 'origin')).stderr).toContain('503');
    await remote.stop();
    expect((await on(1, 'ls-remote', 'origin')).status).toBe(128);
    remote = await startHttpRemote(hosts, { user: 'worker', password: 'secret', repository: remote });
    expect((await on(1, 'ls-remote', 'origin')).status).toBe(0);
  });
});

describe('what hosts leave behind', () => {
  it('is nothing, also of two networks at once and of processes in them', async () => {
    const before = namespaces();
    const [one, two] = await Promise.all([netHosts(1), netHosts(1)]);
    expect(namespaces()).toHaveLength(before.length + 6);
    const child = one.spawn(1, ['sleep', '600']);
    const ended = once(child, 'close');
    await Promise.all([one.close(), two.close()]);
    expect((await ended)[1]).toBe('SIGKILL');
    expect(namespaces()).toEqual(before);
  });

  it('is nothing after a failure in the middle', async () => {
    const before = namespaces();
    // The second gets an address that there is not.
    await expect(makeNamespaces(2, 255)).rejects.toThrow(/10\.83\.0\.256/);
    expect(namespaces()).toEqual(before);
  });
});
