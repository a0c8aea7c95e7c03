/** Where mailboxd keeps what belongs to this user and the Claude CLI: the installation and the stored token. */
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { findProgram } from '../process/index.js';

/** `$XDG_DATA_HOME/mailboxd`, by default `~/.local/share/mailboxd` (`%LOCALAPPDATA%\mailboxd` on Windows). */
export function dataDir(environment: NodeJS.ProcessEnv): string {
  const home = environment['HOME'] ?? environment['USERPROFILE'] ?? homedir();
  const fallback = process.platform === 'win32' ? environment['LOCALAPPDATA'] : undefined;
  const set = environment['XDG_DATA_HOME'];
  // The XDG specification: a relative path counts as not set.
  const base = set && isAbsolute(set) ? set : (fallback ?? join(home, '.local', 'share'));
  return join(base, 'mailboxd');
}

/** The folder that `mailboxd setup` installs the CLI into. */
export function installDir(environment: NodeJS.ProcessEnv): string {
  return join(dataDir(environment), 'claude');
}

/** The program in a folder that the CLI was installed into. */
export function installedProgram(dir: string): string {
  return join(dir, 'node_modules', '.bin', process.platform === 'win32' ? 'claude.cmd' : 'claude');
}

/** The token that `mailboxd login` wrote; mode 0600. */
export function tokenFile(environment: NodeJS.ProcessEnv): string {
  return join(dataDir(environment), 'claude-token');
}

/** The directory of a profile's CLI configuration; relative ones lie below `CLIENTS_DIR`, or the data directory. */
export function profileDir(configDir: string, environment: NodeJS.ProcessEnv): string {
  if (isAbsolute(configDir)) return configDir;
  return join(environment['CLIENTS_DIR'] || join(dataDir(environment), 'clients'), configDir);
}

/** The CLI's path: the configured one, else `claude` on PATH, else what `setup` installed. Undefined when missing. */
export function findClaude(path: string, environment: NodeJS.ProcessEnv): string | undefined {
  const found = findProgram(path, environment);
  if (found || path !== 'claude') return found;
  return findProgram(installedProgram(installDir(environment)), environment);
}
