/**
 * Making a root, or completing one: folders, a card for each mailbox, this host's configuration, and what keeps
 * `.mailboxd/` out of git. Nothing that is there is changed, but for newly named mailboxes, which `serve` gains.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../core/config.js';
import { MailboxError, systemCode } from '../core/errors.js';
import { STATES } from '../core/message.js';
import { isMailboxName } from '../core/names.js';
import { parseConfig } from '../format/config.js';
import { renderConfigSample } from '../format/config-sample.js';
import { editBlock } from '../format/front-matter.js';
import { withoutSecret } from '../git/secrets.js';
import { makeMailbox } from '../store/deliver.js';
import { diskFault, randomSuffix, removeQuietly, replaceFile, writeTemp } from '../store/durable.js';
import { hostDir, mailboxDir, stateDir } from '../store/paths.js';
import { configPath } from './root.js';

export interface InitRequest {
  /** Absolute; made when it is missing. */
  dir: string;
  /** This host's instance. Needed where `.mailboxd/config.yaml` does not name one. */
  as?: string;
  /** Further mailboxes to create and serve. */
  mailboxes?: string[];
  remote?: string;
  /** `claude` by default. */
  runner?: string;
}

export interface InitReport {
  dir: string;
  as: string;
  serve: string[];
  runner: string;
  remote: string | undefined;
  /** Paths below `dir` that were made or changed; empty when everything was there. */
  changed: string[];
}

/** What is to become of a root: its configuration as it is and as it will be. */
export interface InitPlan {
  dir: string;
  as: string;
  serve: string[];
  runner: string;
  remote: string | undefined;
  /** `config.yaml` as it is; undefined: there is none. */
  before: string | undefined;
  known: Config | undefined;
  request: InitRequest;
  key: string;
}

/** Throws `usage` without a name, `conflict` where the host has another one, `invalid` for bad names or a bad config. */
export async function initRoot(request: InitRequest): Promise<InitReport> {
  const plan = planInit(request);
  const { dir, as, serve, runner, remote } = plan;
  const changed = [...(await makeMailboxes(plan)), ...(await writeConfig(plan))];
  if (await ignoreHostFolder(dir)) changed.push('.gitignore');
  return { dir, as, serve, runner, remote, changed };
}

/** Looks, and changes nothing. Throws as `initRoot` does. */
export function planInit(request: InitRequest): InitPlan {
  const { dir } = request;
  const names = [...new Set([...(request.as === undefined ? [] : [request.as]), ...(request.mailboxes ?? [])])];
  for (const name of names) checkName(name);
  const path = configPath(dir);
  const before = readText(path);
  if (before === undefined && request.as === undefined) {
    throw new MailboxError('usage', 'found no name for this host, expected one', {
      hint: 'name its mailbox: mailboxd init --as laptop',
    });
  }
  const key = newKey();
  const given = { root: dir, host: 'unconfigured', key, home: homedir() };
  const known = before === undefined ? undefined : parseConfig(before, path, given);
  if (known?.as !== undefined && request.as !== undefined && known.as !== request.as) {
    throw new MailboxError('conflict', `this host is ${known.as} already, found --as ${request.as}`, {
      hint: `change "as" in ${path}, or add a mailbox with --mailbox ${request.as}`,
    });
  }
  if (known?.remote !== undefined && request.remote !== undefined && known.remote !== request.remote) {
    const [one, other] = [withoutSecret(known.remote), withoutSecret(request.remote)];
    throw new MailboxError('conflict', `the remote of this root is ${one} already, found --remote ${other}`, {
      hint: `change "remote" in ${path}, and origin with: git remote set-url origin URL`,
    });
  }
  return {
    ...{ dir, before, known, request, key },
    as: request.as ?? known?.as ?? names[0] ?? known?.serve[0] ?? '',
    serve: [...new Set([...(known?.serve ?? []), ...names])],
    runner: known?.runner ?? request.runner ?? 'claude',
    remote: known?.remote ?? request.remote,
  };
}

/** Makes the folders and cards that are missing; returns their paths. */
export async function makeMailboxes({ dir, serve }: InitPlan): Promise<string[]> {
  const changed: string[] = [];
  for (const name of serve) {
    for (const state of STATES) {
      if (!isFolder(stateDir(dir, name, state))) changed.push(`mailboxes/${name}/${state}/`);
    }
    makeMailbox(dir, name);
    if (await writeNew(mailboxDir(dir, name), 'mailbox.yaml', renderCard(name)))
      changed.push(`mailboxes/${name}/mailbox.yaml`);
  }
  return changed;
}

/** Writes this host's configuration, or what is missing in it; returns the paths that changed. */
export async function writeConfig(plan: InitPlan): Promise<string[]> {
  const { dir, as, serve, runner, remote, before, known, request, key } = plan;
  const changed: string[] = [];
  const path = configPath(dir);
  const host = hostDir(dir);
  makeFolder(host, 0o700);
  // Holds whatever becomes of the root's own .gitignore, which others may change.
  if (await writeNew(host, '.gitignore', '*\n')) changed.push('.mailboxd/.gitignore');
  if (before === undefined) {
    const choices = { host: newHostId(), key, as, serve, remote, runner };
    if (await writeNew(host, 'config.yaml', renderConfigSample(choices), 0o600)) changed.push('.mailboxd/config.yaml');
    return changed;
  }
  const changes: Record<string, unknown> = {};
  if (serve.some((name) => !known?.serve.includes(name))) changes['serve'] = serve;
  if (request.as !== undefined && known?.as === undefined) changes['as'] = request.as;
  if (remote !== undefined && known?.remote === undefined) changes['remote'] = remote;
  if (!/^key:/m.test(before)) changes['key'] = key;
  if (!/^host:/m.test(before)) changes['host'] = newHostId();
  if (Object.keys(changes).length > 0) {
    await editConfig(path, before, changes);
    changed.push('.mailboxd/config.yaml');
  }
  return changed;
}

/** Changes keys of a `config.yaml` and keeps every other byte; nobody else may read it afterwards. */
export async function editConfig(path: string, before: string, changes: Record<string, unknown>): Promise<void> {
  const mode = statSync(path).mode & 0o777;
  await replaceFile(path, editBlock(before, changes, before.includes('\r\n') ? '\r\n' : '\n'), mode & 0o600);
  chmodSync(path, mode & 0o700);
}

export function newKey(): string {
  return randomBytes(32).toString('base64url');
}

function checkName(name: string): void {
  if (isMailboxName(name)) return;
  throw new MailboxError('invalid', `found the mailbox name ${JSON.stringify(name.slice(0, 80))}`, {
    hint: 'a name is 1 to 64 letters, digits, dots, underscores or hyphens, and begins with a letter or digit',
  });
}

/** This machine's name, made safe, and a suffix that no other host has. */
export function newHostId(): string {
  const name = hostname()
    .toLowerCase()
    .replace(/\..*$/, '')
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
  return `${name || 'host'}-${randomSuffix().slice(0, 6)}`;
}

function renderCard(name: string): string {
  return `# What this mailbox is, for whoever wants to write to it. It grants nothing: rights are set on each host.
description: ${JSON.stringify(`The mailbox of ${name}`)}
version: "1.0.0"
`;
}

/** Adds a line to `.gitignore` where none names the folder, and touches no other line. True when it did. */
export async function ignoreHostFolder(dir: string): Promise<boolean> {
  const path = join(dir, '.gitignore');
  const text = readText(path);
  const added = withHostFolder(text);
  if (added === undefined) return false;
  if (text === undefined) return writeNew(dir, '.gitignore', added);
  await replaceFile(path, added, statSync(path).mode & 0o777);
  return true;
}

/** The text of a `.gitignore` with a line for the host's folder; undefined where it has one. */
export function withHostFolder(text: string | undefined): string | undefined {
  const lines = (text ?? '').split(/\r?\n/).map((line) => line.trim());
  if (lines.some((line) => /^(\*\*\/|\/)?\.mailboxd\/?$/.test(line))) return undefined;
  const eol = text?.includes('\r\n') ? '\r\n' : '\n';
  const open = text === undefined || text === '' || text.endsWith('\n') ? '' : eol;
  return `${text ?? ''}${open}.mailboxd/${eol}`;
}

export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw diskFault(error, `reading ${path}`);
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function makeFolder(path: string, mode: number): void {
  try {
    mkdirSync(path, { recursive: true, mode });
  } catch (error) {
    throw diskFault(error, `making ${path}`);
  }
}

/** Writes a file that must not be there yet; false when it is. */
async function writeNew(dir: string, name: string, text: string, mode = 0o644): Promise<boolean> {
  const path = join(dir, name);
  if (existsSync(path)) return false;
  const temp = await writeTemp(dir, text, mode);
  try {
    linkSync(temp, path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw diskFault(error, `writing ${path}`);
  } finally {
    removeQuietly(temp);
  }
}
