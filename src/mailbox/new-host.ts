/** Makes a host of its own out of a copied root: a new id and key; everything else stays. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MailboxError } from '../core/errors.js';
import { lockHolder } from '../git/exchange/open.js';
import { checkPlace, isCopied } from '../git/identity.js';
import { pidOf } from '../host/process-id.js';
import { hostDir } from '../store/paths.js';
import { editConfig, newHostId, newKey } from './init.js';
import { configPath, readRoot } from './root.js';

export interface NewHost {
  before: string;
  host: string;
}

/** What belongs to the host that the root was copied from. */
const ITS = ['git/held.json', 'git/place.json', 'git/status.json', 'git/lock', 'serving'];

/** Throws `not_found` without a configuration, `conflict` while a daemon exchanges for this very root. */
export async function makeNewHost(dir: string): Promise<NewHost> {
  const { config, configured } = readRoot(dir);
  if (!configured) {
    throw new MailboxError('not_found', `found no ${configPath(dir)}`, { hint: 'mailboxd init --as NAME makes one' });
  }
  const holder = lockHolder(join(hostDir(dir), 'git'));
  if (holder !== undefined && !isCopied(dir)) {
    throw new MailboxError('conflict', `process ${pidOf(holder)} exchanges for this root`, {
      hint: 'stop it first: Ctrl-C, or mailboxd service stop',
    });
  }
  const path = configPath(dir);
  const host = newHostId();
  for (const name of ITS) rmSync(join(hostDir(dir), name), { recursive: true, force: true });
  await editConfig(path, readFileSync(path, 'utf8'), { host, key: newKey() });
  if (config.remote !== undefined) checkPlace(dir, host);
  return { before: config.host, host };
}
