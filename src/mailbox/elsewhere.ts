/**
 * Whether another host runs a message, asked of the remote in one look, for a command that tells it. It is optional: a
 * root without a remote, or one that cannot be reached now, goes on without.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { CatalogRecord } from '../catalog/index.js';
import { MailboxError } from '../core/errors.js';
import { lockHolder } from '../git/exchange/open.js';
import { readLeftOut } from '../git/live.js';
import { claimKey } from '../git/ref-names.js';
import { openTaskLook } from '../git/task-look.js';
import { hostDir } from '../store/paths.js';
import { tryParse } from './follow-file.js';
import { readPlace } from './locate.js';
import type { Root } from './root.js';
import { readSeenClaims } from './seen-claims.js';

export type Elsewhere =
  /** Nobody else holds it, as far as this host can tell without asking or by asking. */
  | { kind: 'no' }
  /** `worker` is `<mailbox>@<host>`; `since` an RFC 3339 time; `written` what the run has recorded, where it is sent. */
  | { kind: 'yes'; worker: string; host: string; since: string | undefined; written: string | undefined }
  /** The remote could not be asked, for this reason. */
  | { kind: 'unknown'; why: string };

/** Longest look, ms. */
const PATIENCE = 8_000;

export async function findElsewhere(root: Root, record: CatalogRecord): Promise<Elsewhere> {
  const { dir, config } = root;
  const isOver = record.state === 'complete' || record.state === 'failed';
  if (config.remote === undefined || isOver || record.type === 'chat' || !existsSync(join(dir, '.git')))
    return { kind: 'no' };
  if (record.state === 'in_progress') {
    const claim = tryParse(readPlace(dir, record), config.key)?.front.claim;
    if (claim?.worker?.endsWith(`@${config.host}`)) return { kind: 'no' };
  }
  const key = claimKey(record.id || undefined, record.mailbox, record.name);
  try {
    const look = await openTaskLook(dir, config.remote, key);
    try {
      const { claim, since, live } = await look.look({ since: true, timeout: PATIENCE });
      if (!claim || claim.done || claim.host === config.host) return { kind: 'no' };
      const { worker, host } = claim;
      return { kind: 'yes', worker, host, since, written: live && recordedIn(live.text, config.key) };
    } finally {
      await look.close();
    }
  } catch (error) {
    if (error instanceof MailboxError) return { kind: 'unknown', why: error.message };
    throw error;
  }
}

function recordedIn(text: string, key: string): string | undefined {
  return readLeftOut(text)?.rest ?? tryParse(Buffer.from(text), key)?.recorded;
}

/** The same, from what the daemon of this root saw last where one exchanges for it; else by a look of one's own. */
export async function whoRuns(root: Root, record: CatalogRecord): Promise<Elsewhere> {
  if (root.config.remote === undefined || !isExchanging(root)) return findElsewhere(root, record);
  const worker = (await readSeenClaims(root))(record);
  if (worker === undefined) return { kind: 'no' };
  return { kind: 'yes', worker, host: worker.slice(worker.indexOf('@') + 1), since: undefined, written: undefined };
}

/** Whether a daemon brings what changes here to the remote by itself. */
export function isExchanging({ dir }: Root): boolean {
  return lockHolder(join(hostDir(dir), 'git')) !== undefined;
}
