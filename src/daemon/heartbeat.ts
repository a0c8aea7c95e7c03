/**
 * The heartbeat: every `heartbeat` of the configuration this host says on the remote that it is there, and what it does.
 * Each beat replaces the last one by compare and swap. Where another daemon's stands instead, twice, a copy of this root
 * is running under the same host id.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import type { Config } from '../core/config.js';
import type { Chore } from '../git/exchange/exchange.js';
import type { ExchangeState } from '../git/exchange/state.js';
import { removePresence, writePresence, type Presence, type RunningHere } from '../git/presence.js';
import { readPresences } from '../git/presence-look.js';

export interface HeartbeatOptions {
  config: Config;
  /** Mailboxes that are served. */
  mailboxes: readonly string[];
  running(): RunningHere[];
  /** How many tasks wait in this mailbox. */
  waiting(mailbox: string): number;
  /** Wall clock, ms since 1970. */
  now(): number;
  /** Another daemon beats under this host's id: this root, or that one, is a copy. */
  onTwin(other: Presence): void;
}

export interface Heartbeat extends Chore {
  /** Beats no more, and takes the presence away if the remote answered last time. Before the exchange is closed. */
  end(state: ExchangeState): Promise<void>;
}

/** How soon a beat that did not arrive is tried again, ms. */
const AGAIN = 5_000;

export function createHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { config, mailboxes, now } = options;
  const started = new Date(now()).toISOString();
  const nonce = randomBytes(12).toString('hex');
  const version = readVersion();
  let next = 0;
  let beats = 0;
  /** What this process wrote last, while it is sure that it arrived. */
  let last: string | undefined;
  let isEnded = false;
  let beating: Promise<void> | undefined;
  const others = new Map<string, number>();

  const describe = (): Presence => {
    beats += 1;
    return {
      ...{ host: config.host, instance: config.as, version, mailboxes: [...mailboxes], runner: config.runner },
      running: options.running(),
      queue: Object.fromEntries(mailboxes.map((mailbox) => [mailbox, options.waiting(mailbox)])),
      load: Math.max(0, Math.round((loadavg()[0] ?? 0) * 100) / 100),
      ...{ pid: process.pid, started, interval: config.heartbeat, nonce, beat: beats },
      at: new Date(now()).toISOString(),
    };
  };
  /** Once may be the last beat of an earlier start that arrives late; twice is somebody who lives. */
  const meetTwin = async (state: ExchangeState): Promise<void> => {
    const seen = (await readPresences(state)).find(({ host }) => host === config.host)?.presence;
    if (!seen || seen.nonce === nonce) return;
    const times = (others.get(seen.nonce) ?? 0) + 1;
    others.set(seen.nonce, times);
    if (times === 2) options.onTwin(seen);
  };
  const beat = async (state: ExchangeState): Promise<void> => {
    let outcome = await writePresence(state, describe(), last ?? 'any');
    if (outcome.kind === 'refused') {
      await meetTwin(state);
      outcome = await writePresence(state, describe());
    }
    last = outcome.kind === 'ok' ? outcome.oid : undefined;
    next = performance.now() + (outcome.kind === 'ok' ? config.heartbeat : Math.min(AGAIN, config.heartbeat));
  };
  return {
    wait: () => (isEnded ? Infinity : next - performance.now()),
    async turn(state) {
      if (isEnded) return;
      // Set first: a beat that throws is not tried again in the same moment.
      next = performance.now() + Math.min(AGAIN, config.heartbeat);
      beating = beat(state);
      await beating;
    },
    async end(state) {
      isEnded = true;
      await beating?.catch(() => undefined); // told by the turn that it belongs to
      if (last !== undefined) await removePresence(state, config.host, last);
      last = undefined;
    },
  };
}

function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
