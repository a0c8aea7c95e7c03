/**
 * Two roots with one host id would each take the other's claims for its own, and both would run a task. So a root notes
 * where it is, in `.mailboxd/git/place.json`, and one that finds itself elsewhere looks whether it was moved or copied.
 */
import { mkdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MailboxError } from '../core/errors.js';
import { parseYaml } from '../format/yaml.js';
import { hostDir } from '../store/paths.js';

/** Where a root is, as `place.json` says it. */
export interface HostPlace {
  host: string;
  /** Real path of the root. */
  path: string;
  /** Device and inode of `.mailboxd`: a root that was put back is noted anew. */
  device: string;
  inode: string;
  /** `/etc/machine-id`, where there is one. */
  machine?: string;
}

/**
 * Notes where the root is, and notes it anew when it was moved. Throws `conflict` when it was copied: the folder that it
 * was copied from is still there with the same host id, or it was noted on another machine.
 */
export function checkPlace(root: string, host: string): void {
  const now = placeOf(root, host);
  const noted = readPlace(root);
  if (noted?.host === host) {
    const found = whyCopied(noted, now);
    if (found !== undefined) {
      throw new MailboxError('conflict', `this root was copied: ${found}, with the same host id ${host}`, {
        hint:
          'with one id, each takes the claims of the other for its own, and a task runs twice; ' +
          'give the copy an id: mailboxd init --new-host',
      });
    }
    if (JSON.stringify(noted) === JSON.stringify(now)) return;
  }
  const dir = join(hostDir(root), 'git');
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'place.json'), `${JSON.stringify(now)}\n`);
}

/** Whether the root's note says that it was copied from elsewhere; false too where there is no note. */
export function isCopied(root: string): boolean {
  const noted = readPlace(root);
  return noted !== undefined && whyCopied(noted, placeOf(root, noted.host)) !== undefined;
}

function whyCopied(noted: HostPlace, now: HostPlace): string | undefined {
  if (noted.machine !== undefined && now.machine !== undefined && noted.machine !== now.machine)
    return `it was last used at ${noted.path} on another machine`;
  // Another folder under the same path was put back from somewhere.
  if (noted.path === now.path || hostAt(noted.path) !== noted.host) return undefined;
  // A folder that is mounted twice is one host all the same.
  const there = statSync(hostDir(noted.path), { bigint: true, throwIfNoEntry: false });
  const isSame = there === undefined || (String(there.dev) === now.device && String(there.ino) === now.inode);
  return isSame ? undefined : `another is at ${noted.path}`;
}

function placeOf(root: string, host: string): HostPlace {
  const { dev, ino } = statSync(hostDir(root), { bigint: true });
  const machine = readQuietly('/etc/machine-id')?.trim();
  return {
    ...{ host, path: realpathSync(root), device: String(dev), inode: String(ino) },
    ...(machine !== undefined && /^[0-9a-f]{32}$/.test(machine) && { machine }),
  };
}

function readPlace(root: string): HostPlace | undefined {
  try {
    const value = JSON.parse(readQuietly(join(hostDir(root), 'git', 'place.json')) ?? 'null') as HostPlace | null;
    return typeof value?.host === 'string' && typeof value.path === 'string' ? value : undefined;
  } catch {
    return undefined; // cut short by a crash: noted anew
  }
}

/** The host id that the root in `dir` has; undefined where none is. */
function hostAt(dir: string): string | undefined {
  const path = join(hostDir(dir), 'config.yaml');
  try {
    const value = parseYaml(readFileSync(path, 'utf8'), { what: path });
    const host = typeof value === 'object' && value !== null && 'host' in value ? value.host : undefined;
    return typeof host === 'string' ? host : undefined;
  } catch {
    return undefined;
  }
}

function readQuietly(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
