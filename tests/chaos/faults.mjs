/** What goes wrong: one entry a fault. Each is undone when its function settles; `signal` undoes it early. */
import { cpSync, existsSync, lstatSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LEASE } from './host.mjs';
import { descendants, listProcesses, signalQuietly } from './processes.mjs';

/**
 * @typedef {import('./host.mjs').Host} Host
 * @typedef {{ random: any, hosts: Host[], remote: string, server: any, people: any, signal: AbortSignal }} World
 * @typedef {{ needs?: (host: Host, world: World) => boolean, run: (host: Host, world: World) => Promise<boolean | void> }} Fault
 *   `run` settles with false when it came to nothing
 */

/** @param {number} ms @param {AbortSignal} signal */
const wait = (ms, signal) => sleep(ms, undefined, { signal }).catch(() => undefined);

const isHttp = (/** @type {Host} */ host) => host.proxy !== undefined;

/** @param {(host: Host, world: World) => void} begin @param {(random: any) => number} length */
function network(begin, length = (random) => 1_000 + random.below(2 * LEASE)) {
  return {
    needs: isHttp,
    run: async (host, world) => {
      begin(host, world);
      await wait(length(world.random), world.signal);
      host.proxy.heal();
      host.proxy.delay(0);
    },
  };
}

/** @type {Record<string, Fault>} */
export const FAULTS = {
  'kill -9 of a daemon': {
    run: async (host, { random, signal }) => {
      await host.kill();
      await wait(random.below(2) === 0 ? random.below(500) : random.below(3 * LEASE), signal);
      host.start();
    },
  },
  'kill -9 of a runner': {
    needs: (host) => host.isWorker && host.runner === 'command',
    run: (host, { random }) => killOne(() => host.runners(), random, 1_500),
  },
  'kill -9 of git at a push': {
    run: (host, { random }) => killOne(() => gitOf(host, / push |send-pack|git-remote-http/), random, 2_500),
  },
  'kill -9 of git at a fetch': {
    run: (host, { random }) =>
      killOne(() => gitOf(host, / fetch |fetch-pack|index-pack|unpack-objects/), random, 2_500),
  },
  'a daemon stopped beyond its lease': {
    run: async (host, { random, signal }) => {
      host.signal('SIGSTOP');
      await wait(LEASE + random.below(2 * LEASE), signal);
      host.signal('SIGCONT');
    },
  },
  'a cut network': network(({ proxy }) => proxy.cut()),
  'a one-way network': network(({ proxy }, { random }) => proxy.cutOneWay(random.pick(['up', 'down']))),
  'a slow network': network(({ proxy }) => proxy.delay(400)),
  'connections that break': network(({ proxy }) => proxy.dropConnections(0.5)),
  'a refused network': network(({ proxy }) => proxy.refuse()),
  'an answer that is lost': {
    needs: isHttp,
    run: async (_, { server, random, signal }) => {
      server.fail({ to: 'git-receive-pack', cutAnswerAfter: random.pick([0, 20]), times: 3 });
      await wait(2_000, signal);
      server.heal();
    },
  },
  'a server in trouble': {
    needs: isHttp,
    run: async (_, { server, random, signal }) => {
      server.fail({ status: random.pick([500, 502, 503]), times: 6 });
      await wait(2_000, signal);
      server.heal();
    },
  },
  'a remote that is away': {
    needs: (host) => !isHttp(host),
    run: async (_, { remote, random, signal }) => {
      if (!existsSync(remote)) return false;
      renameSync(remote, `${remote}.away`);
      await wait(500 + random.below(LEASE), signal);
      renameSync(`${remote}.away`, remote);
    },
  },
  'a full disk': {
    needs: (host) => host.isSmall,
    run: async (host, { random, signal }) => {
      const path = join(host.root, 'filler');
      for (let size = 8 * 1024 * 1024; size >= 1024; size /= 2) {
        for (let n = 0; n < 8; n += 1) {
          try {
            writeFileSync(path, Buffer.alloc(size), { flag: 'a' });
          } catch {
            break; // full, to this size
          }
        }
      }
      await wait(1_500 + random.below(LEASE), signal);
      rmSync(path, { force: true });
    },
  },
  'index.lock left behind': {
    run: async (host, { random, signal }) => {
      const path = join(host.root, '.git/index.lock');
      try {
        writeFileSync(path, '', { flag: 'wx' });
      } catch {
        return false;
      }
      await wait(1_000 + random.below(3_000), signal);
      rmSync(path, { force: true });
    },
  },
  'a corrupted object': {
    run: async (host, { random, remote, signal }) => {
      const path = pickObject(host, remote, random);
      if (path === undefined) return false;
      const bytes = readFileSync(path);
      rmSync(path, { force: true });
      writeFileSync(path, random.below(2) === 0 ? bytes.subarray(0, bytes.length / 2) : Buffer.alloc(bytes.length, 7));
      await wait(1_000 + random.below(4_000), signal);
      // A person gets it back from the remote.
      rmSync(path, { force: true });
      const from = existsSync(remote) ? remote : `${remote}.away`;
      cpSync(join(from, 'objects'), join(host.root, '.git/objects'), { recursive: true, force: false });
      if (!existsSync(path)) writeFileSync(path, bytes);
    },
  },
  'a rebase left open': { run: (host, { people, random }) => people.rebase(host, 1_000 + random.below(4_000)) },
};

/** Kills the first process that `find` shows within `limit` ms. */
async function killOne(find, random, limit) {
  await sleep(random.below(200));
  for (const until = performance.now() + limit; performance.now() < until; await sleep(3)) {
    const found = find();
    if (found.length > 0 && signalQuietly(random.pick(found).pid, 'SIGKILL')) return true;
  }
  return false;
}

/** Git processes of this host's daemon. @param {Host} host @param {RegExp} command */
function gitOf(host, command) {
  if (host.pid === undefined) return [];
  const isGit = (/** @type {any} */ { command: text }) => text.includes('git') && command.test(`${text} `);
  return descendants(host.pid).filter(isGit);
}

/** A loose object that the remote has, too. @param {Host} host @param {string} remote @param {any} random */
function pickObject(host, remote, random) {
  const objects = join(host.root, '.git/objects');
  const found = readdirSync(objects)
    .filter((name) => /^[0-9a-f]{2}$/.test(name))
    .flatMap((name) => readdirSync(join(objects, name)).map((rest) => join(name, rest)))
    .filter((path) => !path.includes('tmp') && existsSync(join(remote, 'objects', path)));
  if (found.length === 0) return undefined;
  const path = join(objects, random.pick(found));
  return lstatSync(path).isFile() ? path : undefined;
}

/** Processes that work in `dir` or are told of it, this one left out. @param {string} dir */
export function processesIn(dir) {
  return listProcesses().filter(
    ({ pid, command, cwd }) => pid !== process.pid && (cwd.startsWith(dir) || command.includes(dir)),
  );
}
