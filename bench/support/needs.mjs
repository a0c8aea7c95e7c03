/** What a row needs beside this package: Debian's programs, the packages of bench/package.json, the Claude CLI. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { project } from './place.mjs';

/** Debian package → the program that shows that it is there. */
const PROGRAMS = { nq: 'nq', 'task-spooler': 'tsp', 'redis-server': 'redis-server' };

/** @param {string} program */
function isOnPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((dir) => {
    try {
      accessSync(join(dir, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Installs what is missing. Throws with the command's own words when it cannot be had.
 * @param {readonly import('../rows/index.mjs').Row[]} rows
 * @param {(line: string) => void} say
 * @returns {{ cli: string }}
 */
export function installNeeds(rows, say) {
  const packages = [...new Set(rows.flatMap((row) => row.packages ?? []))];
  const missing = packages.filter((name) => !isOnPath(PROGRAMS[name]));
  if (missing.length > 0) {
    say(`installing ${missing.join(', ')} with apt-get`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    run('apt-get', ['install', '-y', '--no-install-recommends', ...missing], { env });
  }
  if (packages.length > 0 && !existsSync(join(project, 'bench/node_modules/bullmq'))) {
    say('installing the packages of bench/package.json');
    run('npm', ['ci', '--ignore-scripts'], { cwd: join(project, 'bench') });
  }
  if (!rows.some((row) => row.cli)) return { cli: '' };
  const said = run(process.execPath, [join(project, 'scripts/install-claude-cli.mjs')], {});
  return { cli: said.trim().replace(/^.*?: /, '') };
}

/**
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} options
 */
function run(program, args, options) {
  try {
    return execFileSync(program, args, { ...options, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const said = [error.message, error.stderr, error.stdout].filter(Boolean).join('\n').trim();
    throw new Error(`${program} ${args.join(' ')} failed:\n${said}`, { cause: error });
  }
}
