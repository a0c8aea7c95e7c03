/** Where things are below a root. The only place that joins a mailbox, a state and a name into a path. */
import { join } from 'node:path';
import { MailboxError } from '../core/errors.js';
import { isMailboxName, isMessageId } from '../core/names.js';
import type { Place, State } from '../core/message.js';

export function mailboxesDir(root: string): string {
  return join(root, 'mailboxes');
}

export function mailboxDir(root: string, mailbox: string): string {
  if (!isMailboxName(mailbox)) {
    throw new MailboxError('invalid', `found the mailbox name ${JSON.stringify(mailbox.slice(0, 80))}`, {
      hint: 'a name is 1 to 64 letters, digits, dots, underscores or hyphens, and begins with a letter or digit',
    });
  }
  return join(mailboxesDir(root), mailbox);
}

export function stateDir(root: string, mailbox: string, state: State): string {
  return join(mailboxDir(root, mailbox), state);
}

/** Throws `invalid` for a name that would lead out of its folder. */
export function messagePath(root: string, place: Place): string {
  const parts = place.name.split('/');
  if (parts.length > 2 || parts.some((part) => part === '' || part === '.' || part === '..' || part.includes('\\'))) {
    throw new MailboxError('invalid', `found the file name ${JSON.stringify(place.name.slice(0, 80))}`);
  }
  return join(stateDir(root, place.mailbox, place.state), ...parts);
}

/** The host's own folder, never synced. */
export function hostDir(root: string): string {
  return join(root, '.mailboxd');
}

export function attachmentsDir(root: string, id: string): string {
  if (!isMessageId(id)) throw new MailboxError('invalid', `found the id ${JSON.stringify(id.slice(0, 80))}`);
  return join(root, 'attachments', id);
}

/** The raw event stream of one run. */
export function runRecordPath(root: string, id: string, epoch: number): string {
  if (!isMessageId(id)) throw new MailboxError('invalid', `found the id ${JSON.stringify(id.slice(0, 80))}`);
  return join(hostDir(root), 'runs', id, `${epoch}.ndjson`);
}

export function scratchDir(root: string): string {
  return join(hostDir(root), 'scratch');
}
