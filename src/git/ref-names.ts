/**
 * The refs of mailboxd on a remote, and where this host keeps what it saw of them.
 *
 *   <space>/claims/<key>      who runs a message; a done claim carries its result
 *   <space>/presence/<host>   a host's heartbeat
 *   <space>/follow/<id>       somebody reads along
 *   <space>/live/<id>         the output so far, while somebody does
 *
 * `<space>` is `refs/mailboxd`, or `refs/heads/mailboxd` on a remote that takes nothing else.
 */
import { createHash } from 'node:crypto';
import { isMessageId } from '../core/names.js';

export const SPACES = ['refs/mailboxd', 'refs/heads/mailboxd'] as const;
export type RefSpace = (typeof SPACES)[number];

export const REF_KINDS = ['claims', 'presence', 'follow', 'live'] as const;
export type RefKind = (typeof REF_KINDS)[number];

/** Below it this host keeps its picture of the remote; no other tool shows or pushes it by itself. */
export const SEEN = 'refs/mailboxd/seen';
/** The tree that the working folders were last in line with. */
export const BASE_REF = 'refs/mailboxd/base';

export function refOf(space: RefSpace, kind: RefKind, name: string): string {
  return `${space}/${kind}/${name}`;
}

/** Under what a message is claimed: its id, or, while it has none, what every host computes alike from mailbox and file name. */
export function claimKey(id: string | undefined, mailbox: string, fileName: string): string {
  if (id !== undefined && isMessageId(id)) return id;
  return `file.${createHash('sha256').update(`${mailbox}/${fileName}`).digest('hex').slice(0, 40)}`;
}
