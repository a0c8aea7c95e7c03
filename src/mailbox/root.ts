/** Which root a command works on, and this host's configuration of it. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { randomBytes } from 'node:crypto';
import { homedir } from 'node:os';
import type { Config } from '../core/config.js';
import { MailboxError, systemCode } from '../core/errors.js';
import { parseConfig } from '../format/config.js';
import { diskFault } from '../store/durable.js';
import { hostDir, mailboxesDir } from '../store/paths.js';

export interface Root {
  dir: string;
  config: Config;
  /** False where `.mailboxd/config.yaml` is missing and defaults stand in. */
  configured: boolean;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** `given`, else MAILBOXD_ROOT, else the nearest parent of `cwd` that holds `mailboxes/`. Throws `not_found`. */
export function findRoot(given: string | undefined, cwd: string, environment: NodeJS.ProcessEnv): string {
  const named = given ?? environment['MAILBOXD_ROOT'];
  if (named !== undefined && named !== '') {
    const dir = resolve(cwd, named);
    if (isFolder(mailboxesDir(dir))) return dir;
    throw new MailboxError('not_found', `found no mailboxes/ folder in ${dir}`, {
      hint: `make one with \`mailboxd init ${named} --as <name>\``,
    });
  }
  for (let dir = resolve(cwd); ; dir = dirname(dir)) {
    if (isFolder(mailboxesDir(dir))) return dir;
    if (dirname(dir) === dir) break;
  }
  throw new MailboxError('not_found', `found no mailboxes/ folder in ${cwd} or above it`, {
    hint: 'go to a root, name one with --root DIR or MAILBOXD_ROOT, or make one with `mailboxd init --as <name>`',
  });
}

export function configPath(dir: string): string {
  return join(hostDir(dir), 'config.yaml');
}

/** Reads the host's configuration. Throws `invalid` with the field when it cannot be used. */
export function readRoot(dir: string): Root {
  const path = configPath(dir);
  let text: string | undefined;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'EISDIR') {
      throw new MailboxError('invalid', `found a folder in the place of ${path}, expected a file`, {
        hint: 'move it away; `mailboxd init --as <name>` writes a new one',
        cause: error,
      });
    }
    if (systemCode(error) !== 'ENOENT') throw diskFault(error, `reading ${path}`);
  }
  const config = parseConfig(text, path, {
    root: dir,
    host: 'unconfigured',
    key: randomBytes(32).toString('base64url'),
    home: homedir(),
  });
  return { dir, config, configured: text !== undefined };
}

/** The instance in whose name things are sent: CLAUDE_ID, else `as` of the configuration, else undefined. */
export function defaultSender(root: Root, environment: NodeJS.ProcessEnv): string | undefined {
  return environment['CLAUDE_ID'] || root.config.as;
}

/** Whether `dir` has this host's configuration. */
export function isConfigured(dir: string): boolean {
  return existsSync(configPath(dir));
}
