import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inTurn, run, tool } from './run.mjs';

/**
 * Packs dist/ as it is into this directory, and gives the tarball's path. Building is left to whoever calls: npm would
 * build again, under tests that run dist/.
 * @param {string} dir
 */
export async function packInto(dir) {
  const { ok, output } = await run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', dir]);
  const name = output.trim().split('\n').at(-1) ?? '';
  if (!ok || !name.endsWith('.tgz')) throw new Error(`npm pack failed:\n${output}`);
  return join(dir, name);
}

/** publint and attw on what would be published. */
export async function checkPackage() {
  const dir = mkdtempSync(join(tmpdir(), 'mailboxd-pack-'));
  try {
    const tarball = await packInto(dir);
    return await inTurn([
      () => tool('publint', 'publint', ['run', tarball, '--strict']),
      () =>
        tool('@arethetypeswrong/cli', 'attw', [tarball, '--profile', 'esm-only', '--no-emoji', '--format', 'ascii']),
    ]);
  } catch (error) {
    return { ok: false, output: String(error) };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
