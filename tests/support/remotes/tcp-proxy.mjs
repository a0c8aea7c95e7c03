/**
 * A TCP proxy that is a bad network: delay, limits, cuts in both directions or one, connections that break. Each of
 * these can be changed at any time, and counts for connections that are open, too. `up` is from the client to the
 * target. Plain JavaScript, so that the bench can use it, too.
 */
import { connect, createServer } from 'node:net';
import { createRandom } from '../../faults/campaign/random.mjs';
import { Pipe } from './proxy-pipe.mjs';

/** @typedef {'up' | 'down'} Direction */

/** The largest number of bytes after which a connection that is chosen to break does. */
const BREAKS_WITHIN = 65_536;

export class TcpProxy {
  /** What the network does now, by direction; the pipes look at it at each piece. */
  #rules = { up: freshRules(), down: freshRules() };
  #random;
  #drops = 0;
  #refuses = false;
  /** @type {Set<{ pipes: Record<Direction, Pipe>, end: () => void }>} */
  #open = new Set();
  #count = 0;
  #moved = { up: 0, down: 0 };
  #server;
  #target;

  /**
   * @param {{ port: number, host?: string }} target
   * @param {{ seed?: number }} [options] the seed of `dropConnections`
   */
  constructor(target, { seed = 1 } = {}) {
    this.#target = target;
    this.#random = createRandom(seed);
    // A client that has said all it will may still listen: its end is passed on, in order, and no more.
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));
  }

  /** @param {{ host?: string, port?: number }} [where] on loopback and a free port unless told */
  async listen({ host = '127.0.0.1', port = 0 } = {}) {
    await new Promise((listening, failed) => {
      this.#server.once('error', failed);
      this.#server.listen(port, host, () => listening(undefined));
    });
    return this;
  }

  get port() {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen');
    return address.port;
  }

  /** Connections taken so far. */
  get connections() {
    return this.#count;
  }

  /** Bytes passed on so far. @param {Direction} direction */
  bytes(direction) {
    return this.#moved[direction];
  }

  /** The same URL by way of the proxy. @param {string} url */
  url(url) {
    const through = new URL(url);
    through.hostname = '127.0.0.1';
    through.port = String(this.port);
    return through.href;
  }

  /** Each byte arrives so much later, ms. A new connection costs a round trip first. @param {number} ms @param {Direction} [direction] */
  delay(ms, direction) {
    this.#change(direction, { delay: ms });
  }

  /** At most so many bytes a second over each connection. @param {number} bytesPerSecond @param {Direction} [direction] */
  limit(bytesPerSecond, direction) {
    this.#change(direction, { rate: bytesPerSecond });
  }

  /** The cable is out: what is sent waits, in silence, and so do new connections. */
  cut() {
    this.#change(undefined, { held: true });
  }

  /** Only one direction goes on. @param {Direction} direction the one that does not */
  cutOneWay(direction) {
    this.#change(direction, { held: true });
  }

  /** The host is off: connections are reset, new ones as well. */
  refuse() {
    this.#refuses = true;
    for (const { end } of this.#open) end();
  }

  /**
   * From now on each connection is reset when it has passed so many bytes on.
   * @param {number} bytes
   * @param {Direction} [direction] `up` unless told
   */
  loseAfter(bytes, direction = 'up') {
    this.#change(direction, { budget: bytes });
    for (const { pipes } of this.#open) pipes[direction].setBudget(bytes);
  }

  /**
   * A new connection breaks with this probability, after up to 64 KiB in one direction: which, and where, is told by
   * the seed and the order of connections.
   * @param {number} probability 0 … 1
   */
  dropConnections(probability) {
    this.#drops = probability;
  }

  /** All is well again: what waited goes on. Delays and limits stay. */
  heal() {
    this.#drops = 0;
    this.#refuses = false;
    for (const { pipes } of this.#open)
      for (const pipe of Object.values(pipes)) pipe.setBudget(Number.POSITIVE_INFINITY);
    this.#change(undefined, { held: false, budget: Number.POSITIVE_INFINITY });
  }

  async close() {
    const closed = new Promise((done) => this.#server.close(done));
    for (const { end } of this.#open) end();
    await closed;
  }

  [Symbol.asyncDispose]() {
    return this.close();
  }

  /**
   * @param {Direction | undefined} direction both unless told
   * @param {Partial<ReturnType<typeof freshRules>>} change
   */
  #change(direction, change) {
    for (const one of /** @type {const} */ (['up', 'down'])) {
      if (direction === undefined || direction === one) Object.assign(this.#rules[one], change);
    }
    for (const { pipes } of this.#open) for (const pipe of Object.values(pipes)) pipe.wake();
  }

  /** @param {import('node:net').Socket} client */
  #accept(client) {
    this.#count += 1;
    client.on('error', () => undefined);
    if (this.#refuses) {
      client.resetAndDestroy();
      return;
    }
    const target = connect({ ...this.#target, allowHalfOpen: true });
    target.on('error', () => undefined);
    client.setNoDelay(true);
    target.setNoDelay(true);
    const end = () => {
      if (!client.destroyed) client.resetAndDestroy();
      target.destroy();
    };
    const pipes = {
      up: this.#pipe('up', client, target, end),
      down: this.#pipe('down', target, client, end),
    };
    const roundTrip = this.#rules.up.delay + this.#rules.down.delay;
    for (const pipe of Object.values(pipes)) pipe.holdFor(roundTrip);
    const link = { pipes, end };
    this.#open.add(link);
    this.#chooseFate(pipes);
    for (const [socket, other] of [
      [client, target],
      [target, client],
    ]) {
      socket?.on('close', (failed) => {
        // An end is passed on through the pipe; what broke, breaks the other side as well.
        if (failed) other?.destroy();
        if (client.destroyed && target.destroyed) {
          this.#open.delete(link);
          for (const pipe of Object.values(pipes)) pipe.stop();
        }
      });
    }
  }

  /**
   * @param {Direction} direction
   * @param {import('node:net').Socket} from
   * @param {import('node:net').Socket} to
   * @param {() => void} lose
   */
  #pipe(direction, from, to, lose) {
    const moved = (/** @type {number} */ bytes) => {
      this.#moved[direction] += bytes;
    };
    return new Pipe(from, to, { rules: this.#rules[direction], moved, lose });
  }

  /** @param {Record<Direction, Pipe>} pipes */
  #chooseFate(pipes) {
    if (this.#drops === 0) return;
    // As many numbers for each connection, so that one that is spared does not change those after it.
    const [chance, up, bytes] = [this.#random.next(), this.#random.next() < 0.5, this.#random.below(BREAKS_WITHIN)];
    if (chance < this.#drops) pipes[up ? 'up' : 'down'].setBudget(bytes);
  }
}

function freshRules() {
  return { delay: 0, rate: Number.POSITIVE_INFINITY, held: false, budget: Number.POSITIVE_INFINITY };
}
