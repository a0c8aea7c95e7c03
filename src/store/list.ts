/** What is in the folders. Names only, or names with stat; never the content. */
import { lstatSync, readdirSync, type BigIntStats, type Dirent } from 'node:fs';
import { join } from 'node:path';
import { MailboxError, systemCode } from '../core/errors.js';
import { isMailboxName, isMessageFileName } from '../core/names.js';
import type { Place, State } from '../core/message.js';
import { diskFault } from './durable.js';
import { mailboxesDir, messagePath, stateDir } from './paths.js';

/** The mailboxes of a root, by name. Folders whose name is none are left alone. */
export function listMailboxes(root: string): string[] {
  return entriesOf(mailboxesDir(root))
    .filter((entry) => entry.isDirectory() && isMailboxName(entry.name))
    .map((entry) => entry.name)
    .toSorted();
}

/** Message file names in a state's folder, with the month folders of `complete` and `failed`. */
export function listState(root: string, mailbox: string, state: State): string[] {
  const dir = stateDir(root, mailbox, state);
  const names: string[] = [];
  for (const name of namesOf(dir)) {
    if (isMessageFileName(name)) names.push(name);
    else if ((state === 'complete' || state === 'failed') && /^\d{4}-\d{2}$/.test(name)) {
      for (const old of namesOf(join(dir, name))) if (isMessageFileName(old)) names.push(`${name}/${old}`);
    }
  }
  return names;
}

/** What lies in an inbox and is no message by its name: not hidden, and not `*.md`. */
export function listStrays(root: string, mailbox: string): string[] {
  return namesOf(stateDir(root, mailbox, 'inbox')).filter((name) => !name.startsWith('.') && !isMessageFileName(name));
}

/** Hidden names that the store made in a state's folder (see hidden.ts). */
export function listHidden(root: string, mailbox: string, state: State): string[] {
  return namesOf(stateDir(root, mailbox, state)).filter((name) => /^\.(claim|end|held|move|tmp)~/.test(name));
}

/** The stat of a message's file, not following links; undefined when it is not there or its name is none. */
export function statMessage(root: string, place: Place): BigIntStats | undefined {
  try {
    return lstatSync(messagePath(root, place), { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if (systemCode(error) === 'ENOTDIR' || (error instanceof MailboxError && error.code === 'invalid'))
      return undefined;
    throw diskFault(error, `looking at ${place.name}`);
  }
}

function namesOf(dir: string): string[] {
  try {
    // Nothing is read through a link: it may lead out of the root.
    return lstatSync(dir).isDirectory() ? readdirSync(dir) : [];
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw diskFault(error, `listing ${dir}`);
  }
}

function entriesOf(dir: string): Dirent[] {
  try {
    return readdirSync(dir, { withFileTypes: true });
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw diskFault(error, `listing ${dir}`);
  }
}
