import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { remoteRoot } from './git-host.js';

/** A root that serves `server` and whose tasks are run by this shell script; its `$NOTE` is a file in the root. */
export function scriptedRoot(url: string, host: string, script: string, yaml: string): string {
  const root = remoteRoot(url, host, ['server'], yaml);
  const path = join(root, '.mailboxd/config.yaml');
  const command = `runners: { command: { argv: [sh, -c, ${JSON.stringify(script)}], env: { NOTE: ${root}/note } } }\n`;
  writeFileSync(path, readFileSync(path, 'utf8').replace('runner: simulator', 'runner: command') + command);
  return root;
}

/** For `scriptedRoot`: notes its process, writes some words, and never ends by itself. */
export const ENDLESS = 'echo $$ >"$NOTE"; echo the words of the first; exec sleep 600';

/** The process that ENDLESS noted, once it has. */
export function notedProcess(root: string): number | undefined {
  const note = join(root, 'note');
  return existsSync(note) ? Number(readFileSync(note, 'utf8')) || undefined : undefined;
}

/** What the host set aside, text by text. */
export function keptIn(root: string): string[] {
  const dir = join(root, '.mailboxd/kept');
  return existsSync(dir) ? readdirSync(dir).map((name) => readFileSync(join(dir, name), 'utf8')) : [];
}

/** Whether there is such a process, and not as a zombie. */
export function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}
