/** What lies in the mailboxes and is no message: left alone by daemons, and worth telling a person. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { STATES } from '../core/message.js';
import { isMessageFileName } from '../core/names.js';
import { listMailboxes } from '../store/list.js';
import { stateDir } from '../store/paths.js';

export interface StrayFile {
  /** Below the root. */
  path: string;
  why: string;
}

/** How old a half-written or half-moved file must be to be called left over, ms. */
const LEFT_OVER = 3_600_000;

/** At most `limit`. */
export function findStrayFiles(root: string, now: number, limit = 20): StrayFile[] {
  const found: StrayFile[] = [];
  for (const mailbox of listMailboxes(root)) {
    for (const state of STATES) {
      const dir = stateDir(root, mailbox, state);
      for (const name of namesOf(dir)) {
        const why = judge(join(dir, name), name, state, now);
        if (why !== undefined) found.push({ path: `mailboxes/${mailbox}/${state}/${name}`, why });
        if (found.length >= limit) return found;
      }
    }
  }
  return found;
}

function judge(path: string, name: string, state: string, now: number): string | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat || name === '.gitkeep' || name === '.gitignore' || name === '.DS_Store') return undefined;
  if (/^\.(claim|held|move|tmp)~/.test(name)) {
    return now - stat.ctimeMs > LEFT_OVER
      ? 'a file that an interrupted program left; the next start takes it up'
      : undefined;
  }
  if (stat.isDirectory()) {
    return /^\d{4}-\d{2}$/.test(name) && (state === 'complete' || state === 'failed')
      ? undefined
      : 'a folder, expected a file';
  }
  if (stat.isSymbolicLink()) return 'a symbolic link, expected the file itself';
  if (!stat.isFile()) return 'no regular file';
  if (!isMessageFileName(name)) return 'its name does not end in .md, or begins with a dot';
  return stat.size === 0 && state === 'inbox' && now - stat.mtimeMs > 60_000 ? 'it is empty' : undefined;
}

function namesOf(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
