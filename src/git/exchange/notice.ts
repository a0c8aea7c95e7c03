/** What rings for the exchange: the folders of every mailbox here, and the refs of a remote that is a local path. */
import { existsSync, readdirSync, statSync, watch, type FSWatcher } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isAbsolute, join, resolve } from 'node:path';
import { STATES } from '../../core/message.js';
import { makeMailbox } from '../../store/deliver.js';
import { listMailboxes } from '../../store/list.js';
import { stateDir } from '../../store/paths.js';

export interface Notice {
  /** Watches folders that came since. */
  adapt(): void;
  close(): void;
}

/** The bare repository's folder behind `url`, when it is a path on this machine. */
export function localRemote(url: string, root: string): string | undefined {
  let path = url;
  if (url.startsWith('file://')) path = fileURLToPath(url);
  else if (/^[a-z][a-z0-9+.-]*:\/\//i.test(url) || /^[^/\\]+:/.test(url)) return undefined;
  const dir = isAbsolute(path) ? path : resolve(root, path);
  for (const candidate of [dir, join(dir, '.git')]) if (existsSync(join(candidate, 'HEAD'))) return candidate;
  return undefined;
}

/** git keeps no empty folder; a person moves messages into each of the four. */
function completeFolders(root: string, mailbox: string): void {
  try {
    makeMailbox(root, mailbox);
  } catch {
    // A file or a link stands in its place: that is told where it is looked into.
  }
}

export function watchNews(root: string, url: string, on: { local(folder: string): void; remote(): void }): Notice {
  const watchers = new Map<string, FSWatcher>();
  const add = (dir: string, ring: () => void): void => {
    if (watchers.has(dir)) return;
    try {
      const watcher = watch(dir, { persistent: false }, ring);
      watcher.on('error', () => drop(dir));
      watchers.set(dir, watcher);
    } catch {
      // Not there yet, or no more watches: it is polled all the same.
    }
  };
  const drop = (dir: string): void => {
    watchers.get(dir)?.close();
    watchers.delete(dir);
  };
  const bare = localRemote(url, root);
  let isClosed = false;
  const adapt = (): void => {
    if (isClosed) return;
    for (const mailbox of listMailboxes(root)) completeFolders(root, mailbox);
    for (const dir of watchers.keys()) if (!statSync(dir, { throwIfNoEntry: false })) drop(dir);
    // What runs is appended to all the time; where it goes from there rings elsewhere.
    for (const mailbox of listMailboxes(root))
      for (const state of STATES)
        if (state !== 'in_progress')
          add(stateDir(root, mailbox, state), () => on.local(`mailboxes/${mailbox}/${state}`));
    if (bare === undefined) return;
    add(join(bare, 'refs', 'heads'), on.remote);
    for (const space of ['mailboxd', 'heads/mailboxd']) {
      const dir = join(bare, 'refs', space);
      if (!existsSync(dir)) continue;
      for (const kind of ['claims', 'follow']) if (readdirSync(dir).includes(kind)) add(join(dir, kind), on.remote);
    }
    if (existsSync(join(bare, 'refs', 'mailboxd'))) add(join(bare, 'refs', 'mailboxd'), on.remote);
  };
  adapt();
  return {
    adapt,
    close() {
      isClosed = true;
      for (const dir of [...watchers.keys()]) drop(dir);
    },
  };
}
