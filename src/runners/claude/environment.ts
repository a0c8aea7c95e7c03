/** The environment the CLI runs in, and the sign-in it carries. Built from a list; nothing else is inherited. */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ClaudeConfig } from '../../core/config.js';
import { MailboxError, systemCode } from '../../core/errors.js';
import { BASE_ENVIRONMENT, buildEnvironment, RUN_TAG } from '../process/index.js';
import { profileDir, tokenFile } from './places.js';

const CLAUDE_NAMES = ['ANTHROPIC_*', 'CLAUDE_CODE_*', 'CLAUDE_CONFIG_DIR', 'DISABLE_AUTOUPDATER', 'IS_SANDBOX'];

/** Variables that sign the CLI in by themselves, strongest first. */
export const CREDENTIALS = ['ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN', 'CLAUDE_CODE_OAUTH_TOKEN'] as const;

export interface SignIn {
  /** Variable name, `token file`, or `CLI login` when the CLI must bring its own. */
  by: (typeof CREDENTIALS)[number] | 'token file' | 'CLI login';
}

export interface EnvironmentRequest {
  profile?: string | undefined;
  session?: string | undefined;
  traceparent?: string | undefined;
}

/**
 * What the CLI gets to see. Throws `invalid` for a profile that is not configured. The stored token is read anew
 * each time, so that `mailboxd login` takes effect at once; it gives way to any sign-in that is nearer.
 */
export function claudeEnvironment(
  config: ClaudeConfig,
  from: NodeJS.ProcessEnv,
  request: EnvironmentRequest = {},
): { environment: Record<string, string>; signIn: SignIn } {
  const profile = request.profile === undefined ? undefined : config.profiles[request.profile];
  if (request.profile !== undefined && !profile) {
    throw new MailboxError('invalid', `there is no profile ${JSON.stringify(request.profile)}`, {
      hint: 'add it under runners.claude.profiles in .mailboxd/config.yaml',
    });
  }
  const environment = buildEnvironment(from, [...BASE_ENVIRONMENT, ...CLAUDE_NAMES], {
    // A program that replaces itself under a running task is a fault; `mailboxd setup` brings new versions.
    DISABLE_AUTOUPDATER: from['DISABLE_AUTOUPDATER'] ?? '1',
    // The prompt is on disk before the CLI says that it began: from then on the session can be resumed.
    CLAUDE_CODE_EAGER_FLUSH: from['CLAUDE_CODE_EAGER_FLUSH'] ?? '1',
    ...config.env,
    CLAUDE_CONFIG_DIR: profile
      ? profileDir(profile.config_dir, from)
      : (config.env['CLAUDE_CONFIG_DIR'] ?? from['CLAUDE_CONFIG_DIR']),
    ...profile?.env,
    TRACEPARENT: request.traceparent,
    [RUN_TAG]: request.session,
  });
  const named = CREDENTIALS.find((name) => environment[name]);
  if (named) return { environment, signIn: { by: named } };
  const token = profile && hasOwnLogin(environment) ? undefined : readToken(from);
  if (token === undefined) return { environment, signIn: { by: 'CLI login' } };
  environment[token.startsWith('sk-ant-api') ? 'ANTHROPIC_API_KEY' : 'CLAUDE_CODE_OAUTH_TOKEN'] = token;
  return { environment, signIn: { by: 'token file' } };
}

/** Whether the CLI's own login is stored as a file. Only its existence is looked at. */
function hasOwnLogin(environment: Record<string, string>): boolean {
  const dir = environment['CLAUDE_CONFIG_DIR'] ?? join(environment['HOME'] ?? homedir(), '.claude');
  return existsSync(join(dir, '.credentials.json'));
}

function readToken(from: NodeJS.ProcessEnv): string | undefined {
  try {
    return readFileSync(tokenFile(from), 'utf8').trim() || undefined;
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined;
    throw new MailboxError('unavailable', `the stored token ${tokenFile(from)} cannot be read`, {
      hint: 'check its owner and mode, or run `mailboxd login` again',
      cause: error,
    });
  }
}
