/**
 * Which daemons serve which mailboxes on this host: a small file each, `.mailboxd/serving/<process>~<n>.json` (a
 * program that uses the library may run several). A file whose process is gone says nothing any more and is removed by whoever finds it.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, ownProcess, pidOf } from '../host/process-id.js';
import { hostDir } from '../store/paths.js';

export interface Serving {
  pid: number;
  mailboxes: string[];
  runner: string;
  /** RFC 3339 time. */
  since: string;
}

function servingDir(root: string): string {
  return join(hostDir(root), 'serving');
}

let count = 0;

/** Says that this process serves these mailboxes, until the returned function is called or the process ends. */
export function noteServing(root: string, serving: Omit<Serving, 'pid'>): () => void {
  const dir = servingDir(root);
  const path = join(dir, `${ownProcess()}~${count}.json`);
  count += 1;
  mkdirSync(dir, { recursive: true });
  writeFileSync(path, `${JSON.stringify({ pid: process.pid, ...serving })}\n`);
  return () => rmSync(path, { force: true });
}

/** The daemons that run now. */
export function readServing(root: string): Serving[] {
  const dir = servingDir(root);
  let names: string[];
  try {
    names = readdirSync(dir);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const who = name.replace(/(?:~\d+)?\.json$/, '');
    try {
      if (!isAlive(who)) {
        rmSync(join(dir, name), { force: true });
        return [];
      }
      const value = JSON.parse(readFileSync(join(dir, name), 'utf8')) as Serving;
      return Array.isArray(value.mailboxes) ? [{ ...value, pid: pidOf(who) }] : [];
    } catch {
      return [];
    }
  });
}

/** Makes every daemon of the root look at once, parked mailboxes included. */
export function ringBell(root: string): void {
  mkdirSync(hostDir(root), { recursive: true });
  writeFileSync(join(hostDir(root), 'bell'), `${new Date().toISOString()}\n`);
}
