/** The claude runner's configuration for commands that also work outside a root. */
import { type ClaudeConfig, defaultConfig } from '../core/config.js';
import { MailboxError } from '../core/errors.js';
import type { Cli } from './command.js';

/** The root's directory, or undefined where there is none. */
export function rootIfAny(cli: Cli): string | undefined {
  try {
    return cli.rootDir();
  } catch (error) {
    if (error instanceof MailboxError && error.code === 'not_found') return undefined;
    throw error;
  }
}

export function claudeConfigOf(cli: Cli): ClaudeConfig {
  const config = rootIfAny(cli) === undefined ? defaultConfig({ host: 'none', key: '' }) : cli.root().config;
  return config.runners.claude;
}
