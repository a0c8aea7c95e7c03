/** What the host keeps beside the messages goes after `keep`: scratch directories, run records, session notes. */
import { lstatSync, lutimesSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../core/errors.js';
import { hostDir, scratchDir } from '../store/paths.js';
import type { Worker } from './worker.js';

function entries(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

/** How many entries are looked at between two turns of the event loop. */
const SLICE = 200;

/**
 * Removes what is older than `keep`, but nothing of a session that a waiting or running message may still resume. In
 * slices; ends early when `isOver`.
 */
export async function cleanUp(worker: Worker, isOver: () => boolean): Promise<void> {
  const root = worker.root.dir;
  const limit = worker.clock.now() - worker.root.config.keep;
  const wanted = new Set<string>();
  for (const state of ['inbox', 'in_progress'] as const) {
    for (const record of worker.catalog.list({ state, limit: 100_000 }).records) {
      if (record.session) wanted.add(record.session);
      wanted.add(record.id);
    }
  }
  const folders: [string, (name: string) => string][] = [
    [scratchDir(root), (name) => name],
    [join(hostDir(root), 'runs'), (name) => name],
    [join(hostDir(root), 'sessions'), (name) => name.replace(/\.json$/, '')],
    [join(hostDir(root), 'kept'), (name) => name],
  ];
  let looked = 0;
  for (const [dir, ownerOf] of folders) {
    for (const name of entries(dir)) {
      looked += 1;
      if (looked % SLICE === 0) await new Promise((resolve) => setImmediate(resolve));
      if (isOver()) return;
      const path = join(dir, name);
      try {
        const stat = lstatSync(path, { throwIfNoEntry: false });
        if (!stat || stat.mtimeMs > limit) continue;
        if (wanted.has(ownerOf(name))) lutimesSync(path, new Date(), new Date());
        else rmSync(path, { recursive: true, force: true });
      } catch (error) {
        // A task may leave what cannot be removed (folders without write permission): that must stop nothing.
        worker.emit({ type: 'trouble', message: `${path} is old and cannot be removed: ${messageOf(error)}` });
      }
    }
  }
}
