/**
 * Which runs have processes, in files that outlive us: after a `kill -9` the next daemon ends what is left of them
 * before anything runs again. One file a session, `.mailboxd/running/<session>.json`, written before the spawn.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeQuietly } from '../store/durable.js';
import { hostDir } from '../store/paths.js';

export interface LedgerEntry {
  session: string;
  message: string;
  /** The daemon's process id with start time. */
  daemon: string;
  /** The run's first process, with start time, once there is one. */
  process?: string;
}

export interface Ledger {
  open(entry: LedgerEntry): void;
  close(session: string): void;
  /** Entries of daemons that are gone. */
  orphans(isAlive: (who: string) => boolean): LedgerEntry[];
}

export function openLedger(root: string): Ledger {
  const dir = join(hostDir(root), 'running');
  mkdirSync(dir, { recursive: true });
  const pathOf = (session: string): string => join(dir, `${session}.json`);
  return {
    open: (entry) => {
      mkdirSync(dir, { recursive: true });
      // Whole or not at all: a full disk must not take the entry that stands there.
      const temp = `${pathOf(entry.session)}.tmp`;
      writeFileSync(temp, JSON.stringify(entry));
      renameSync(temp, pathOf(entry.session));
    },
    close: (session) => removeQuietly(pathOf(session)),
    orphans(isAlive) {
      const found: LedgerEntry[] = [];
      for (const name of readdirSync(dir)) {
        if (!name.endsWith('.json')) continue;
        try {
          const entry = JSON.parse(readFileSync(join(dir, name), 'utf8')) as LedgerEntry;
          if (!isAlive(entry.daemon)) found.push(entry);
        } catch {
          // half written by a daemon that died in this moment, before it spawned anything
          removeQuietly(join(dir, name));
        }
      }
      return found;
    },
  };
}
