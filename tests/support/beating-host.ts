import { defaultConfig } from '../../src/core/config.js';
import { createHeartbeat, type Heartbeat, type HeartbeatOptions } from '../../src/daemon/heartbeat.js';
import type { Presence } from '../../src/git/presence.js';
import { gitHost, type GitHost } from './git-host.js';

export interface BeatingHost extends GitHost {
  heartbeat: Heartbeat;
  /** Those that beat under the same host id. */
  twins: Presence[];
}

export interface Beating extends Partial<HeartbeatOptions> {
  /** ms. */
  interval?: number;
  /** The exchange turns by itself. */
  isFree?: boolean;
}

/** A root whose exchange beats; by hand, a beat that is due comes with each `sync`. */
export async function beatingHost(url: string, host: string, beating: Beating = {}): Promise<BeatingHost> {
  const { interval = 60_000, isFree = false, ...options } = beating;
  const twins: Presence[] = [];
  const heartbeat = createHeartbeat({
    config: { ...defaultConfig({ host, key: 'k' }), as: host.split('-')[0], runner: 'simulator', heartbeat: interval },
    mailboxes: ['server'],
    running: () => [],
    waiting: () => 0,
    now: Date.now,
    onTwin: (other) => void twins.push(other),
    ...options,
  });
  const made = await gitHost(url, host, { chores: [heartbeat], manual: !isFree });
  return { ...made, heartbeat, twins };
}
