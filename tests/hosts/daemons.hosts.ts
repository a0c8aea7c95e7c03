/** Daemons over real remotes: with a password, over ssh, over bad lines, and on hosts whose cable is pulled. */
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { arrived, drop, pathOf, runDaemon, tree } from '../support/daemon.js';
import { git, remoteRoot } from '../support/git-host.js';
import { bareRemote } from '../support/remotes/bare.js';
import { startHttpRemote } from '../support/remotes/host-remote.js';
import { netHosts, type NetHosts } from '../support/remotes/hosts.js';
import { httpRemote, type HttpRemote } from '../support/remotes/http.js';
import { startProxy, type TcpProxy } from '../support/remotes/proxy.js';
import { sshRemote } from '../support/remotes/ssh.js';
import { ENDLESS, isRunning, keptIn, notedProcess, scriptedRoot } from '../support/scripted-root.js';
import { waitUntil } from '../support/wait-until.js';

/** How long anything may take on a busy machine, ms. */
const PATIENCE = 50_000;
const LEASE = 'lease: 4s\n';
const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

async function letGo(dir: string): Promise<void> {
  const claims = (): string => git(dir, 'for-each-ref', 'refs/mailboxd/claims');
  await waitUntil(() => claims() === '', { timeout: PATIENCE, what: 'the claims to be let go' });
}

/** Sends on one host, runs on another, reads on the first. Resolves with all that both told. */
async function roundTrip(dir: string, from: string, to: string): Promise<string> {
  const laptop = remoteRoot(from, 'laptop-1', ['laptop']);
  const server = remoteRoot(to, 'server-1', ['server']);
  await using a = await runDaemon(laptop);
  await using b = await runDaemon(server);
  drop(laptop, 'server', 'hello.md', 'simulate: answer Good morning.\n');
  expect(await arrived(laptop, 'server', 'complete', 'hello.md', PATIENCE)).toContain('Good morning.');
  await letGo(dir);
  expect(b.events.filter(({ type }) => type === 'claimed')).toHaveLength(1);
  return JSON.stringify([a.events, b.events]);
}

/** What is on the first host when another has finished its task, and it can reach the remote again. */
async function setAside(first: string, second: string): Promise<void> {
  await waitUntil(() => tree(first).join() === 'server/complete/task.md', {
    timeout: PATIENCE,
    what: `the first host's folders to be as on main; there is ${tree(first).join()}`,
  });
  const [here, there] = [first, second].map((root) =>
    readFileSync(pathOf(root, 'server', 'complete', 'task.md'), 'utf8'),
  );
  expect(here).toBe(there);
  expect(here).toMatch(/^crashes: 1$/m);
  expect(keptIn(first)).toEqual([expect.stringContaining('the words of the first')]);
}

describe('a task goes to another host and its result comes back', () => {
  it('over http, with a password that nobody is told', async () => {
    await using remote = await httpRemote({ user: 'worker', password: 'hunter2' });
    const told = await roundTrip(remote.dir, remote.urlWithPassword, remote.urlWithPassword);
    expect(told).not.toContain('hunter2');
    expect(remote.requests().map(({ status }) => status)).toContain(401);
  });

  it('over ssh', async () => {
    await using remote = await sshRemote();
    for (const [name, value] of Object.entries(remote.env)) vi.stubEnv(name, value);
    onTestFinished(() => void vi.unstubAllEnvs());
    await roundTrip(remote.dir, remote.url, remote.url);
  });

  it('over a line where every answer takes 300 ms', async () => {
    await using remote = await httpRemote();
    await using proxy = await startProxy(remote);
    proxy.delay(150);
    await roundTrip(remote.dir, proxy.url(remote.url), proxy.url(remote.url));
  });
});

describe('a line that carries in one direction only', () => {
  let remote: HttpRemote;
  let proxy: TcpProxy;
  beforeAll(async () => {
    remote = await httpRemote();
    proxy = await startProxy(remote);
  });
  afterAll(async () => {
    await proxy.close();
    await remote.close();
  });

  it('ends the run behind it; another host finishes the task, and what was written is set aside', async () => {
    const first = scriptedRoot(proxy.url(remote.url), 'first-1', ENDLESS, LEASE);
    const second = remoteRoot(remote.url, 'second-1', ['server'], LEASE);
    await using cut = await runDaemon(first, { runner: 'command' });
    drop(first, 'server', 'task.md', 'simulate: answer By the second.\n');
    const runner = await waitUntil(() => notedProcess(first), { timeout: PATIENCE, what: 'the run' });
    await using other = await runDaemon(second);
    // What it asks for arrives; no answer ever does.
    proxy.cutOneWay('down');
    onTestFinished(() => proxy.heal());
    await waitUntil(() => !isRunning(runner), { timeout: PATIENCE, what: 'the run to end with its lease' });
    expect(await arrived(second, 'server', 'complete', 'task.md', PATIENCE)).toContain('By the second.');
    expect(other.events.find(({ type }) => type === 'taken over')).toMatchObject({ from: 'server@first-1' });
    proxy.heal();
    const lost = await cut.event('lost', undefined, PATIENCE);
    expect(existsSync(lost.kept ?? '')).toBe(true);
    await setAside(first, second);
    await letGo(remote.dir);
  });
});

describe('hosts on a network', () => {
  let hosts: NetHosts;
  beforeAll(async () => {
    hosts = await netHosts(3);
  });
  afterAll(() => hosts.close());

  /** `mailboxd start` on one of the hosts; resolves when it serves. */
  async function start(host: number, root: string): Promise<() => Promise<unknown>> {
    const child = hosts.spawn(host, [process.execPath, main, 'start'], { cwd: root });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (part: string) => (said += part));
    const gone = once(child, 'close');
    await waitUntil(() => said.includes('Ctrl-C stops'), { timeout: PATIENCE, what: `host ${host} to serve` });
    return () => {
      child.kill('SIGKILL');
      return gone;
    };
  }

  it('take over from one whose cable is pulled; plugged in again, it sets its output aside', async () => {
    const { url, dir } = await startHttpRemote(hosts, { repository: bareRemote() });
    const laptop = remoteRoot(url, 'laptop-1', ['laptop'], LEASE);
    const first = scriptedRoot(url, 'first-1', ENDLESS, LEASE);
    const second = remoteRoot(url, 'second-1', ['server'], LEASE);
    const stops = [await start(1, laptop), await start(2, first)];
    drop(laptop, 'server', 'task.md', 'simulate: answer By the second.\n');
    const runner = await waitUntil(() => notedProcess(first), { timeout: PATIENCE, what: 'the run on the first host' });
    await arrived(laptop, 'server', 'in_progress', 'task.md', PATIENCE);
    stops.push(await start(3, second));

    await hosts.unplug(2);
    await waitUntil(() => !isRunning(runner), { timeout: PATIENCE, what: 'the run to end with its lease' });
    const text = await arrived(laptop, 'server', 'complete', 'task.md', PATIENCE);
    expect(text).toContain('By the second.');
    expect(text).not.toContain('the words of the first');
    // Nothing of it is on the unplugged host.
    expect(tree(first)).not.toContain('server/complete/task.md');

    await hosts.plug(2);
    await setAside(first, laptop);
    await letGo(dir);
    for (const stop of stops) await stop();
  });
});
