import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { v7 } from 'uuid';
import { openExchange, type Exchange, type ExchangeOptions } from '../../src/git/exchange/exchange.js';
import type { ExchangeEvent } from '../../src/git/exchange/state.js';
import { testRoot } from './daemon.js';
import { testdir } from './testdir.js';

/** Git as a person of no configuration would run it. */
export function git(dir: string, ...args: string[]): string {
  const env = {
    PATH: process.env['PATH'],
    HOME: dir,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    LC_ALL: 'C',
  };
  const who = ['-c', 'user.name=Person', '-c', 'user.email=person@example.org'];
  return execFileSync('git', [...who, ...args], {
    cwd: dir,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

export function bareRepository(): string {
  const dir = testdir({});
  git(dir, 'init', '-q', '--bare', '-b', 'main');
  return dir;
}

/** A root with a repository, on a host of its own, with a key of its own, for `runDaemon` (support/daemon.ts). */
export function remoteRoot(url: string, host: string, serve: string[], yaml = ''): string {
  const root = testRoot(`remote: ${url}\npoll: 1s\n${yaml}`, serve);
  const path = join(root, '.mailboxd/config.yaml');
  const key = createHash('sha256').update(root).digest('base64url');
  const text = readFileSync(path, 'utf8')
    .replace('host: test-host', `host: ${host}`)
    .replace(/^key: .*$/m, `key: ${key}`);
  writeFileSync(path, text, { mode: 0o600 });
  git(root, 'init', '-q', '-b', 'main');
  return root;
}

export interface GitHost {
  root: string;
  exchange: Exchange;
  events: ExchangeEvent[];
  write(path: string, text: string): void;
  read(path: string): string;
}

/** A root with a repository, and its exchange, turned by hand. */
export async function gitHost(url: string, host: string, options: Partial<ExchangeOptions> = {}): Promise<GitHost> {
  const root = testdir({ '.mailboxd/': '', 'mailboxes/': '' });
  git(root, 'init', '-q', '-b', 'main');
  return openHost(root, url, host, options);
}

export async function openHost(
  root: string,
  url: string,
  host: string,
  options: Partial<ExchangeOptions> = {},
): Promise<GitHost> {
  const events: ExchangeEvent[] = [];
  const exchange = await openExchange({
    ...{ root, url, host, lease: 60_000, settle: 0, poll: 1_000, now: Date.now, newId: () => v7(), manual: true },
    onTurn: () => undefined,
    hooks: {
      onEvent: (event) => void events.push(event),
      onApplied: () => undefined,
      onLost: () => undefined,
      onMoved: () => undefined,
      withhold: () => undefined,
    },
    ...options,
  });
  return {
    root,
    exchange,
    events,
    write(path, text) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
      // Written a while ago: nobody is still at it.
      const before = new Date(Date.now() - 10_000);
      utimesSync(join(root, path), before, before);
    },
    read: (path) => readFileSync(join(root, path), 'utf8'),
  };
}

/** One exchange with a new look first. */
export async function sync(...hosts: GitHost[]): Promise<void> {
  for (const { exchange } of hosts) {
    exchange.ring({ remote: true });
    await exchange.settled();
    const { problem } = exchange.status;
    if (problem) throw new Error(`${problem.message} · ${problem.hint}`);
  }
}
