/**
 * Who runs what elsewhere, as the exchange of this root last saw it: read from its own refs, without asking the remote.
 * It costs one git process, and is as old as the last exchange.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { CatalogRecord } from '../catalog/index.js';
import { readTrailers } from '../git/claim-commit.js';
import { claimKey, SEEN } from '../git/ref-names.js';
import { runGit } from '../git/run.js';
import type { Root } from './root.js';

/** `<mailbox>@<host>` of the worker that runs this message on another host; undefined: none does. */
export type WorkerOf = (record: CatalogRecord) => string | undefined;

export async function readSeenClaims({ dir, config }: Root): Promise<WorkerOf> {
  if (config.remote === undefined || !existsSync(join(dir, '.git'))) return () => undefined;
  const prefix = `${SEEN}/claims/`;
  const { code, stdout } = await runGit(dir, ['for-each-ref', '--format=%(refname)%0a%(contents)%00', prefix]);
  const workers = new Map<string, string>();
  for (const item of code === 0 ? stdout.toString('utf8').split('\0') : []) {
    const text = item.trimStart();
    const key = text.slice(prefix.length, text.indexOf('\n'));
    const fields = readTrailers(text);
    const worker = fields.get('Worker');
    if (worker !== undefined && !fields.has('Result-Path') && !worker.endsWith(`@${config.host}`))
      workers.set(key, worker);
  }
  return ({ id, mailbox, name, state }) =>
    state === 'inbox' || state === 'in_progress' ? workers.get(claimKey(id || undefined, mailbox, name)) : undefined;
}
