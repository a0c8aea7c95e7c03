/**
 * Whose sessions there are on this host: `.mailboxd/sessions/<session>.json`, written when a run begins. A message may
 * go on only with a session of its own mailbox and sender, and only where the session was run.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeBeside } from '../store/durable.js';
import { hostDir } from '../store/paths.js';

export interface SessionOwner {
  mailbox: string;
  from: string;
  /** Where it ran; the CLI finds a session only from the same directory. */
  cwd: string;
}

export interface Sessions {
  ownerOf(session: string): SessionOwner | undefined;
  note(session: string, owner: SessionOwner): void;
}

export function openSessions(root: string): Sessions {
  const dir = join(hostDir(root), 'sessions');
  const pathOf = (session: string): string | undefined =>
    /^[0-9a-f-]{36}$/i.test(session) ? join(dir, `${session}.json`) : undefined;
  return {
    ownerOf(session) {
      const path = pathOf(session);
      if (path === undefined) return undefined;
      try {
        const value = JSON.parse(readFileSync(path, 'utf8')) as Partial<SessionOwner>;
        const { mailbox, from, cwd } = value;
        return typeof mailbox === 'string' && typeof from === 'string' && typeof cwd === 'string'
          ? { mailbox, from, cwd }
          : undefined;
      } catch {
        return undefined;
      }
    },
    note(session, owner) {
      const path = pathOf(session);
      if (path === undefined) return;
      writeBeside(path, JSON.stringify(owner), writeFileSync);
    },
  };
}
