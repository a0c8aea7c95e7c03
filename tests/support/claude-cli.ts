/** The real CLI for tests, installed if it is missing: no test is ever skipped for want of it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const installer = fileURLToPath(new URL('../../scripts/install-claude-cli.mjs', import.meta.url));
let path: string | undefined;

/** The path of the CLI's program. Throws with the installer's words when it cannot be had. */
export function claudeCli(): string {
  // The installer needs this user's npm settings; what it installs is then run in an environment built from nothing.
  path ??= execFileSync(process.execPath, [installer], { encoding: 'utf8' })
    .trim()
    .replace(/^.*?: /, '');
  return path;
}

/** All a CLI may see in a test: no account, no settings, no network but `apiUrl`. `home` is created. */
export function isolatedEnvironment(home: string, apiUrl: string): Record<string, string> {
  mkdirSync(home, { recursive: true });
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    IS_SANDBOX: '1', // permission mode bypassPermissions as root
    ANTHROPIC_BASE_URL: apiUrl,
    ANTHROPIC_API_KEY: 'sk-test',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    DISABLE_AUTOUPDATER: '1',
  };
}
