/**
 * Installs the Claude CLI that the tests run into .cache/claude-cli/, outside the package's own lock (it is 235 MB).
 * Does nothing when it is there. Two at once do no harm: each builds a folder of its own, and one rename wins.
 * Prints one line; exits 1 with what to do when it cannot be installed.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const VERSION = '2.1.197';
const windows = process.platform === 'win32';
const cache = fileURLToPath(new URL('../.cache/', import.meta.url));
const target = join(cache, 'claude-cli', VERSION);
const binaryIn = (dir) => join(dir, 'node_modules', '.bin', windows ? 'claude.cmd' : 'claude');

function install() {
  mkdirSync(dirname(target), { recursive: true });
  const fresh = mkdtempSync(join(cache, 'claude-cli', 'new-'));
  try {
    const quiet = ['--no-audit', '--no-fund', '--no-save', '--no-package-lock', '--ignore-scripts'];
    const args = ['install', '--prefix', fresh, ...quiet, `@anthropic-ai/claude-code@${VERSION}`];
    execFileSync('npm', args, { cwd: fresh, stdio: 'pipe', shell: windows, encoding: 'utf8' });
    // The package's own last step, by name: npm versions differ in whether they run it.
    const folder = join(fresh, 'node_modules', '@anthropic-ai', 'claude-code');
    execFileSync(process.execPath, ['install.cjs'], { cwd: folder, stdio: 'pipe', encoding: 'utf8' });
    const version = execFileSync(binaryIn(fresh), ['--version'], { shell: windows, encoding: 'utf8' });
    if (!version.startsWith(VERSION)) throw new Error(`it says that it is ${version.trim()}`);
    try {
      renameSync(fresh, target);
    } catch (error) {
      if (!existsSync(binaryIn(target))) throw error; // else another was faster
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

try {
  const there = existsSync(binaryIn(target));
  if (!there) install();
  console.log(`claude ${VERSION} ${there ? 'is there' : 'installed'}: ${binaryIn(target)}`);
} catch (error) {
  const said = [error.message, error.stderr].filter(Boolean).join('\n');
  console.error(`The Claude CLI ${VERSION} could not be installed into ${target}:\n${said.trim()}`);
  console.error(
    'The tests run the real CLI. Check that npm reaches its registry, then run: node scripts/install-claude-cli.mjs',
  );
  process.exitCode = 1;
}
