/**
 * The claims this host holds or may hold, in `.mailboxd/git/held.json`: written before each push that concerns them, so
 * that after a crash or an unknown outcome they are known by what is on the remote.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MailboxError, messageOf } from '../core/errors.js';
import type { Instant } from '../core/lease.js';
import { replaceFile } from '../store/durable.js';

export interface Held {
  key: string;
  id: string;
  mailbox: string;
  worker: string;
  epoch: number;
  crashes: number;
  /** ms. */
  lease: number;
  /** Where main had it, and its blob there, when it was claimed. */
  path: string;
  blob: string;
  /** Every object id this host ever tried for this claim, the last one last. */
  tried: string[];
  /** The worker that it was taken over from. */
  from?: string;
  /** Another has it, or its end came to nothing: what is here of it is to be set aside. */
  isLost?: boolean;
  /** How main shows it in `in_progress/`, once it does. */
  shown?: { path: string; blob: string };
  /** Commits on main that would publish its end, each tried in a push. */
  ends: string[];
}

/** What is known of it besides, as long as this process lives. */
export interface HeldState extends Held {
  /** The object that the remote has, as far as is known. */
  current: string | undefined;
  /** Before the last accepted push was sent; undefined: not since this process began. */
  sent: Instant | undefined;
  /** The last object that was tried, and when, before its push was sent. */
  lastTry: { oid: string; sent: Instant } | undefined;
  /** Somebody here is claiming or running it. */
  isActive: boolean;
  /** What the folders say of it is to be published, and the claim let go. */
  isEnded: boolean;
  /** Its result is on its claim, for anyone to fold. */
  isDone: boolean;
  /** It was asked for just now, and nobody here has begun with it. */
  isFresh: boolean;
  /** Races for main that its end has lost. */
  lostRaces: number;
}

export interface HeldClaims {
  readonly all: Map<string, HeldState>;
  byId(id: string): HeldState | undefined;
  /** Writes it down; returns when it is durable. */
  save(): Promise<void>;
}

export function openHeld(gitDir: string): HeldClaims {
  const path = join(gitDir, 'held.json');
  const all = new Map<string, HeldState>();
  let text: string | undefined;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    // none yet
  }
  try {
    for (const item of text === undefined ? [] : (JSON.parse(text) as Held[])) all.set(item.key, asState(item));
  } catch (error) {
    throw new MailboxError('invalid', `${path} cannot be read: ${messageOf(error)}`, {
      hint: 'remove it: what this host had claimed is then run again when its leases are over',
    });
  }
  const write = async (): Promise<void> => {
    mkdirSync(gitDir, { recursive: true });
    const items = [...all.values()].map(
      ({
        key,
        id,
        mailbox,
        worker,
        epoch,
        crashes,
        lease,
        path: where,
        blob,
        shown,
        tried,
        ends,
        isLost,
        from,
      }): Held => ({
        ...{ key, id, mailbox, worker, epoch, crashes, lease, path: where, blob },
        tried: tried.slice(-20),
        ends: ends.slice(-20),
        ...(shown && { shown }),
        ...(isLost && { isLost }),
        ...(from !== undefined && { from }),
      }),
    );
    await replaceFile(path, `${JSON.stringify(items, null, 1)}\n`, 0o600);
  };
  let saving = Promise.resolve();
  return {
    all,
    byId: (id) => [...all.values()].find((held) => held.id === id),
    // One after the other: of two at once the older might come to stand last.
    save: () => (saving = saving.catch(() => undefined).then(write)),
  };
}

export function asState(held: Held): HeldState {
  return {
    ...held,
    current: undefined,
    sent: undefined,
    lastTry: undefined,
    isActive: false,
    isEnded: false,
    isFresh: false,
    isDone: false,
    lostRaces: 0,
  };
}
