import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cloneFor, git, runGit } from '../support/remotes/git.js';
import { httpRemote, type HttpRemote } from '../support/remotes/http.js';
import { startProxy, type TcpProxy } from '../support/remotes/proxy.js';
import { waitUntil } from '../support/wait-until.js';

const KIB = Buffer.alloc(1_024, 'k');

describe('a proxy', () => {
  let echo: Server;
  let port: number;
  const proxies: TcpProxy[] = [];
  const clients: Socket[] = [];

  beforeAll(async () => {
    echo = createServer((socket) => void socket.on('error', () => undefined).pipe(socket));
    await new Promise<void>((listening) => echo.listen(0, '127.0.0.1', listening));
    port = (echo.address() as { port: number }).port;
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
  });
  afterAll(() => new Promise((closed) => echo.close(closed)));

  const start = async (seed?: number): Promise<TcpProxy> => {
    const proxy = await startProxy({ port }, seed);
    proxies.push(proxy);
    return proxy;
  };

  /** A client by way of the proxy: what it got so far, and whether it is gone. */
  const open = (proxy: TcpProxy): { socket: Socket; got: () => number; gone: () => boolean } => {
    let got = 0;
    const socket = connect({ port: proxy.port, host: '127.0.0.1' });
    clients.push(socket);
    socket.on('error', () => undefined).on('data', (piece) => void (got += piece.length));
    return { socket, got: () => got, gone: () => socket.destroyed };
  };
  const timeOf = async (work: () => Promise<unknown>): Promise<number> => {
    const from = performance.now();
    await work();
    return performance.now() - from;
  };

  it('passes everything on, in order, with its end', async () => {
    const proxy = await start();
    const sent = randomBytes(3_000_000);
    const { socket } = open(proxy);
    const pieces: Buffer[] = [];
    socket.on('data', (piece) => pieces.push(piece));
    socket.end(sent);
    await once(socket, 'close');
    expect(Buffer.concat(pieces).equals(sent)).toBe(true);
    expect([proxy.connections, proxy.bytes('up'), proxy.bytes('down')]).toEqual([1, sent.length, sent.length]);
  });

  it('delays each direction, and a new connection by a round trip', async () => {
    const proxy = await start();
    proxy.delay(30, 'up');
    proxy.delay(20, 'down');
    const { socket, got } = open(proxy);
    const trip = (bytes: number) => async () => {
      socket.write(KIB);
      await waitUntil(() => got() === bytes);
    };
    expect(await timeOf(trip(1_024))).toBeGreaterThanOrEqual(99);
    const later: number[] = [];
    for (let kib = 2; kib < 6; kib += 1) later.push(await timeOf(trip(kib * 1_024)));
    // The fastest, for a busy machine slows some.
    expect(Math.min(...later)).toBeGreaterThanOrEqual(49);
    expect(Math.min(...later)).toBeLessThan(99);
  });

  it('limits what passes in a second', async () => {
    const proxy = await start();
    proxy.limit(256 * 1_024, 'up');
    const { socket, got } = open(proxy);
    const time = await timeOf(async () => {
      for (let i = 0; i < 32; i += 1) socket.write(KIB);
      await waitUntil(() => got() === 32 * 1_024);
    });
    expect(time).toBeGreaterThanOrEqual(124);
  });

  it.each(['up', 'down'] as const)('cut %s, holds what is sent that way until it is healed', async (direction) => {
    const proxy = await start();
    const { socket, got, gone } = open(proxy);
    socket.write(KIB);
    await waitUntil(() => got() === 1_024);
    proxy.cutOneWay(direction);
    socket.write(KIB);
    if (direction === 'down') await waitUntil(() => proxy.bytes('up') === 2_048);
    // Another proxy to the same server goes there and back meanwhile.
    const other = open(await start());
    other.socket.write(KIB);
    await waitUntil(() => other.got() === 1_024);
    expect([proxy.bytes('up'), proxy.bytes('down')]).toEqual([direction === 'up' ? 1_024 : 2_048, 1_024]);
    proxy.heal();
    await waitUntil(() => got() === 2_048);
    expect(gone()).toBe(false);
  });

  it('cut, takes connections and is silent; refusing, resets them', async () => {
    const proxy = await start();
    proxy.cut();
    const { socket, got, gone } = open(proxy);
    socket.write(KIB);
    await waitUntil(() => proxy.connections === 1);
    expect(proxy.bytes('up')).toBe(0);
    proxy.heal();
    await waitUntil(() => got() === 1_024);
    proxy.refuse();
    await waitUntil(gone);
    const next = open(proxy);
    await waitUntil(next.gone);
    proxy.heal();
    const last = open(proxy);
    last.socket.write(KIB);
    await waitUntil(() => last.got() === 1_024);
  });

  it('loses a connection after so many bytes', async () => {
    const proxy = await start();
    proxy.loseAfter(1_500);
    const { socket, gone } = open(proxy);
    socket.write(KIB);
    socket.write(KIB);
    await waitUntil(gone);
    expect(proxy.bytes('up')).toBe(1_500);
  });

  it('drops the same connections for the same seed', async () => {
    const fates = async (seed: number): Promise<string> => {
      const proxy = await start(seed);
      proxy.dropConnections(0.5);
      let told = '';
      for (let i = 0; i < 12; i += 1) {
        const { socket, got, gone } = open(proxy);
        socket.write(Buffer.alloc(70_000));
        await waitUntil(() => gone() || got() === 70_000);
        told += gone() ? 'x' : '-';
      }
      return told;
    };
    const first = await fates(7);
    expect(first).toMatch(/x.*-|-.*x/);
    expect(await fates(7)).toBe(first);
    expect(await fates(8)).not.toBe(first);
  });
});

describe('a push through a proxy', () => {
  let remote: HttpRemote;
  let proxy: TcpProxy;
  let at: { cwd: string; env: NodeJS.ProcessEnv };

  beforeEach(async () => {
    remote = await httpRemote();
    proxy = await startProxy(remote);
    const { dir, env } = await cloneFor(proxy.url(remote.url));
    at = { cwd: dir, env };
    await git(['push', '-q', 'origin', 'main'], at);
    writeFileSync(join(dir, 'result'), randomBytes(100_000));
    await git(['add', 'result'], at);
    await git(['commit', '-q', '-m', 'A result'], at);
  });
  afterEach(async () => {
    await proxy.close();
    await remote.close();
  });

  const push = (more: { signal?: AbortSignal } = {}): ReturnType<typeof runGit> =>
    runGit(['push', '-q', 'origin', 'HEAD:main'], { ...at, ...more });
  const isThere = async (): Promise<boolean> => {
    await git(['fetch', '-q', 'origin'], at);
    return (await git(['rev-parse', 'origin/main'], at)) === (await git(['rev-parse', 'HEAD'], at));
  };
  const pushes = (): readonly number[] =>
    remote.requests().flatMap(({ method, status }) => (method === 'POST' ? [status] : []));

  it('that is cut on its way there, has not happened, as a later fetch tells', async () => {
    // curl tries once more by itself: that does not arrive either.
    proxy.loseAfter(50_000);
    expect((await push()).status).not.toBe(0);
    proxy.heal();
    expect(await isThere()).toBe(false);
    expect((await push()).status).toBe(0);
    expect(await isThere()).toBe(true);
  });

  it('whose answer is cut, fails and has happened, as a later fetch tells', async () => {
    const before = pushes().length;
    const patience = new AbortController();
    proxy.delay(100, 'down');
    const pushed = push({ signal: patience.signal });
    await waitUntil(() => pushes().length > before, { what: 'the push' });
    proxy.cutOneWay('down');
    await waitUntil(() => pushes().at(-1) === 200, { what: 'its answer' });
    patience.abort();
    expect((await pushed).status).toBe(null);
    proxy.delay(0);
    proxy.heal();
    expect(await isThere()).toBe(true);
  });
});
