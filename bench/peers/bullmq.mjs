/** BullMQ on a Redis of its own that syncs every write: another kind of durable queue, for orientation. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { rateOf } from '../support/at-once.mjs';

/**
 * Starts Redis on a socket in `dir`.
 * @param {string} dir
 */
export async function startRedis(dir) {
  mkdirSync(dir, { recursive: true });
  const socket = `${dir}/redis.sock`;
  const options = ['--port', '0', '--unixsocket', socket, '--dir', dir, '--save', ''];
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction'];
  const server = spawn('redis-server', [...options, ...durable, '--loglevel', 'warning'], { stdio: 'ignore' });
  for (let tries = 0; !existsSync(socket); tries += 1) {
    if (tries > 500) throw new Error('redis-server did not start');
    await sleep(10);
  }
  return {
    socket,
    async stop() {
      const ended = once(server, 'exit');
      server.kill();
      await ended;
    },
  };
}

/**
 * Jobs a second, added and done, 8 at a time.
 * @param {string} socket
 * @param {string} name a fresh queue's name
 * @param {number} count
 */
export async function rateOfBullMq(socket, name, count) {
  const connect = () => new Redis({ path: socket, maxRetriesPerRequest: null });
  const connections = [connect(), connect()];
  const queue = new Queue(name, { connection: connections[0] });
  const waiting = new Map();
  const worker = new Worker(name, async () => 'ok', { connection: connections[1], concurrency: 8 });
  worker.on('completed', (job) => waiting.get(job.name)?.());
  try {
    await worker.waitUntilReady();
    return await rateOf(count, 8, async (n) => {
      const done = new Promise((resolve) => waiting.set(String(n), resolve));
      await queue.add(String(n), { text: 'Say hello' });
      await done;
    });
  } finally {
    await worker.close();
    await queue.close();
    for (const connection of connections) connection.disconnect();
  }
}
