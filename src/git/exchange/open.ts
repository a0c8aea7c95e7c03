/** Opens what an exchange works with, and sees to it that no other process of this root does the same. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { MailboxError } from '../../core/errors.js';
import { isAlive, ownProcess, pidOf } from '../../host/process-id.js';
import { hostDir } from '../../store/paths.js';
import { inodesBeingWritten, judgeReady } from '../../store/ready.js';
import { recoverAside } from '../aside.js';
import { openHeld } from '../held.js';
import { BASE_REF, SEEN, SPACES, type RefSpace } from '../ref-names.js';
import { openRemote } from '../remote.js';
import { BRANCH, openRepository } from '../repository.js';
import { runGit } from '../run.js';
import { openWorkingTree } from '../working-tree.js';
import { settleApplying } from './applying.js';
import { headLogOf } from './follow.js';
import { readKnown } from './known.js';
import { readPending } from './pending.js';
import type { ExchangeHooks, ExchangeState } from './state.js';

export interface OpenExchange {
  root: string;
  url: string;
  host: string;
  /** ms. */
  lease: number;
  /** How long a foreign writer's file must rest, ms. */
  settle: number;
  now(): number;
  newId(): string;
  hooks: ExchangeHooks;
}

/** Throws `conflict` when another process exchanges for this root. */
export async function openState(options: OpenExchange): Promise<{ state: ExchangeState; close(): Promise<void> }> {
  const { root, hooks } = options;
  const ownDir = join(hostDir(root), 'git');
  const unlock = takeLock(ownDir);
  try {
    const repository = await openRepository(root, options.host);
    const readRef = async (ref: string): Promise<string | undefined> => {
      const { code, stdout } = await runGit(root, ['rev-parse', '--verify', '--quiet', ref]);
      return code === 0 ? stdout.toString('utf8').trim() : undefined;
    };
    const told = new Map<string, string>();
    const onProblem = (path: string, what: string): void => {
      if (told.get(path) === what) return;
      told.set(path, what);
      hooks.onEvent({ type: 'trouble', message: `${path} does not travel: ${what}` });
    };
    const working = openWorkingTree(
      root,
      repository.objects,
      {
        onProblem,
        isWhole(stat) {
          const { ready, again } = judgeReady(stat, options.now(), options.settle, inodesBeingWritten);
          if (!ready && again !== undefined) state.again = Math.min(state.again ?? again, again);
          return ready;
        },
      },
      options.now,
    );
    const isKnown = async (oid: string): Promise<boolean> =>
      (await runGit(root, ['cat-file', '-e', `${oid}^{blob}`])).code === 0;
    for (const path of await recoverAside(root, ownDir, join(hostDir(root), 'kept'), isKnown))
      hooks.onEvent({ type: 'trouble', message: `a crash left a file on its way; it is kept in ${path}` });
    const state: ExchangeState = {
      repository,
      remote: openRemote(root, options.url, BRANCH, readSpace(ownDir)),
      held: openHeld(ownDir),
      working,
      settings: { host: options.host, lease: options.lease },
      hooks,
      instant: () => ({ wall: options.now(), mono: performance.now(), boot: uptime() * 1000 }),
      newId: options.newId,
      view: { main: readKnown(ownDir) ?? (await readRef(`${SEEN}/main`)), refs: new Map() },
      seen: new Map(),
      base: await readRef(BASE_REF),
      again: undefined,
      withheld: new Map(),
      behind: undefined,
      headLog: 0n,
      pending: readPending(ownDir),
      contention: 0,
    };
    state.headLog = headLogOf(state);
    await settleApplying(state);
    return {
      state,
      async close() {
        writeFileSync(join(ownDir, 'space'), `${state.remote.space}\n`);
        await repository.close();
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** Where the remote takes refs other than branches, as it was found out last time. */
function readSpace(ownDir: string): RefSpace {
  const path = join(ownDir, 'space');
  const text = existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
  return SPACES.find((space) => space === text) ?? SPACES[0];
}

/** Which process exchanges for this root now; undefined when none does. */
export function lockHolder(ownDir: string): string | undefined {
  try {
    const who = readFileSync(join(ownDir, 'lock'), 'utf8').trim();
    return isAlive(who) ? who : undefined;
  } catch {
    return undefined;
  }
}

function takeLock(ownDir: string): () => void {
  mkdirSync(ownDir, { recursive: true });
  const path = join(ownDir, 'lock');
  for (let tries = 0; ; tries += 1) {
    try {
      writeFileSync(path, `${ownProcess()}\n`, { flag: 'wx' });
      return () => rmSync(path, { force: true });
    } catch (cause) {
      const holder = lockHolder(ownDir);
      if (holder !== undefined || tries > 3) {
        throw new MailboxError(
          'conflict',
          `process ${holder === undefined ? '' : pidOf(holder)} exchanges for this root already`,
          {
            hint: '`mailboxd notify` makes it look at once',
            cause,
          },
        );
      }
      rmSync(path, { force: true });
    }
  }
}
