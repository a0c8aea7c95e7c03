import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { basename, isAbsolute, join, posix, win32 } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MailboxError } from '../core/errors.js';
import { slugOf } from '../core/names.js';

export const SERVICE_PLATFORMS = ['linux', 'macos', 'windows'] as const;
export type ServicePlatform = (typeof SERVICE_PLATFORMS)[number];

/** Everything a unit, an agent or a task is made from. All paths are absolute. */
export interface ServiceSpec {
  /** Unique for the root: two roots are two services. */
  name: string;
  root: string;
  /** The Node that runs it, and the CLI's entry. */
  node: string;
  main: string;
  /** Settings for the daemon's environment, such as ANTHROPIC_API_KEY; mode 0600. */
  environmentFile: string;
  /** PATH at installation, so that claude, git and a task's tools are found. */
  path: string;
  /** Seconds a stop may take: the configuration's grace time and a margin. */
  stopSeconds: number;
  /** Seconds without a beat after which a hung daemon is restarted. */
  watchdogSeconds: number;
  /** `DOMAIN\\name` of the user, which a scheduled task must name; '' elsewhere. */
  user: string;
}

export interface SpecInput {
  root: string;
  platform: ServicePlatform;
  environment: NodeJS.ProcessEnv;
  node?: string;
  main?: string;
  /** The configuration's grace time, ms. */
  grace?: number;
}

/** Fills in a spec. Throws `invalid` for a path that no service can name. */
export function createSpec(input: SpecInput): ServiceSpec {
  const { root, platform, environment, grace = 60_000 } = input;
  const name = serviceName(root);
  const paths = platform === 'windows' ? win32 : posix;
  const separator = platform === 'windows' ? ';' : ':';
  const spec: ServiceSpec = {
    name,
    root,
    node: input.node ?? process.execPath,
    main: input.main ?? fileURLToPath(new URL('../cli/main.js', import.meta.url)),
    environmentFile: join(configHome(platform, environment), 'mailboxd', `${name}.env`),
    // Without what `npm run` adds for itself.
    path: (environment['PATH'] ?? '')
      .split(separator)
      .filter((dir) => paths.isAbsolute(dir) && !/\p{Cc}/u.test(dir) && !dir.includes('node_modules'))
      .join(separator),
    stopSeconds: Math.ceil(grace / 1_000) + 30,
    watchdogSeconds: 60,
    user: platform === 'windows' ? windowsUser(environment) : '',
  };
  for (const path of [spec.root, spec.node, spec.main, spec.environmentFile]) {
    if (!isAbsolute(path) && !paths.isAbsolute(path)) throw badPath(path, 'which is not absolute');
    if (/[\p{Cc}\ufffe\uffff]|\p{Cs}/u.test(path)) throw badPath(path, 'which holds a control character');
  }
  return spec;
}

/** `mailboxd-<folder>-<8 hexadecimal digits of the path's hash>`. */
export function serviceName(root: string): string {
  const hash = createHash('sha256').update(root).digest('hex').slice(0, 8);
  return `mailboxd-${slugOf(basename(root), 32)}-${hash}`;
}

function windowsUser(environment: NodeJS.ProcessEnv): string {
  const name = environment['USERNAME'] ?? environment['USER'] ?? '';
  const domain = environment['USERDOMAIN'];
  return domain ? `${domain}\\${name}` : name;
}

/** Where a user's configuration lies on this platform. */
export function configHome(platform: ServicePlatform, environment: NodeJS.ProcessEnv): string {
  const home = homeOf(environment);
  if (platform === 'windows') return environment['APPDATA'] ?? join(home, 'AppData', 'Roaming');
  const configured = environment['XDG_CONFIG_HOME'];
  return configured !== undefined && posix.isAbsolute(configured) ? configured : join(home, '.config');
}

export function homeOf(environment: NodeJS.ProcessEnv): string {
  return environment['HOME'] || environment['USERPROFILE'] || homedir();
}

export function platformOf(platform: NodeJS.Platform): ServicePlatform {
  if (platform === 'darwin') return 'macos';
  return platform === 'win32' ? 'windows' : 'linux';
}

export function badPath(path: string, why: string): MailboxError {
  return new MailboxError('invalid', `found the path ${JSON.stringify(path.slice(0, 200))}, ${why}`, {
    hint: 'a service needs absolute paths that its manager can write down: move or rename the folder',
  });
}
