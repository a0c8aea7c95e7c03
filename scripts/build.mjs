// Builds dist/ from src/. Runs before `npm start` (where src/ is newer), before the tests and before a
// package is made. Not at `npm ci`: a package with a script of that kind is one that npm warns about.
import { spawnSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));

if (process.argv.includes('--clean')) rmSync(`${root}/dist`, { recursive: true, force: true });
const built = spawnSync(process.execPath, [tsc, '-p', root], { cwd: root, stdio: 'inherit' });
if (built.status !== 0) process.exit(built.status ?? 1);
await import('./compile-schemas.mjs');
chmodSync(`${root}/dist/cli/main.js`, 0o755);
