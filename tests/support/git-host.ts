import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { v7 } from 'uuid';
import { openExchange, type Exchange, type ExchangeOptions } from '../../src/git/exchange/exchange.js';
import type { ExchangeEvent } from '../../src/git/exchange/state.js';
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
