import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/[/\\]$/, '');

/**
 * Runs a program in the checkout; resolves with how it went and all it printed. `live` shows its output at once
 * instead.
 * @param {string} command
 * @param {string[]} args
 * @param {{ live?: boolean, cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<{ ok: boolean, status: number, output: string }>}
 */
export function run(command, args, { live = false, cwd = root, env = process.env } = {}) {
  return new Promise((done) => {
    const child = spawn(command, args, {
      cwd,
      env,
      stdio: ['ignore', live ? 'inherit' : 'pipe', live ? 'inherit' : 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    child.on('error', (error) => done({ ok: false, status: 1, output: String(error) }));
    child.on('close', (code, signal) => {
      if (signal !== null) output += `\n${command} was ended by ${signal}\n`;
      done({ ok: code === 0, status: code ?? 1, output });
    });
  });
}

/**
 * Runs the program that an installed package puts on the path, without npx: `tool('knip', 'knip')`.
 * @param {string} packageName
 * @param {string} bin
 * @param {string[]} args
 */
export async function tool(packageName, bin, args) {
  const manifest = join(root, 'node_modules', packageName, 'package.json');
  const { bin: bins } = createRequire(import.meta.url)(manifest);
  return run(process.execPath, [resolve(dirname(manifest), typeof bins === 'string' ? bins : bins[bin]), ...args]);
}

/**
 * Runs these one after another; fails with the first that fails.
 * @param {(() => Promise<{ ok: boolean, output: string }>)[]} steps
 */
export async function inTurn(steps) {
  let last = { ok: true, output: '' };
  for (const step of steps) {
    last = await step();
    if (!last.ok) break;
  }
  return last;
}
