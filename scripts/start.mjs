// `npm start`: serves this checkout's own mailboxes. Builds what is old, makes the configuration when it is missing,
// and chooses the runner: the real `claude` when it can run, else the simulator. Only this script chooses that way.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[/\\]$/, '');
const args = process.argv.slice(2);

buildIfOld();
const load = (path) => import(new URL(`../dist/${path}`, import.meta.url).href);
const { runCli } = await load('cli/run-cli.js');
const { processIo } = await load('cli/io.js');
const io = processIo();
io.env = { ...io.env, MAILBOXD_ROOT: root };
io.program = 'npx mailboxd';

let choice = [];
try {
  if (!existsSync(join(root, '.mailboxd', 'config.yaml'))) {
    const { initRoot } = await load('mailbox/init.js');
    await initRoot({ dir: root, as: 'laptop', mailboxes: ['server'] });
  }
  if (!args.some((word) => word === '--help' || word === '-h')) {
    choice = await chooseRunner();
    await sendSample();
  }
} catch (error) {
  const { reportError } = await load('cli/report-error.js');
  process.exit(reportError(error, io, false));
}
process.exitCode = await runCli(['start', ...choice, ...args], io);

function buildIfOld() {
  const built = join(root, 'dist', 'cli', 'main.js');
  const newest = Math.max(
    ...['src', 'schemas', 'tsconfig.json', 'package.json'].map((path) => newestIn(join(root, path))),
  );
  // The youngest output: the compiler leaves files alone that come out the same.
  if (existsSync(built) && newestIn(join(root, 'dist')) >= newest) return;
  const { status } = spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
  writeFileSync(join(root, 'dist', '.built'), '');
}

function newestIn(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return stat?.mtimeMs ?? 0;
  return Math.max(0, ...readdirSync(path).map((name) => newestIn(join(path, name))));
}

/** Arguments for `start`; none where a runner was named here or in the configuration. */
async function chooseRunner() {
  const { readRoot } = await load('mailbox/root.js');
  const { config } = readRoot(root);
  if (args.some((word) => word === '--runner' || word.startsWith('--runner='))) return [];
  if (config.runner !== 'claude') return [];
  if (process.env.CLAUDE_MOCK_TEST === '1') {
    process.stdout.write('CLAUDE_MOCK_TEST=1, so the built-in simulator answers.\n');
    return ['--runner', 'simulator'];
  }
  const { createClaudeRunner } = await load('runners/claude/index.js');
  const runner = createClaudeRunner(
    { ...config.runners.claude, warm: 0 },
    { scratch: join(root, '.mailboxd', 'scratch') },
  );
  const { ok, message } = await runner.check();
  await runner.close();
  process.stdout.write(
    ok
      ? `Claude answers: ${message}.\n`
      : `The built-in simulator answers, no real model: ${message} (npx mailboxd setup and npx mailboxd login change that).\n`,
  );
  return ['--runner', ok ? 'claude' : 'simulator'];
}

/** Once: where neither mailbox has ever held a message. */
async function sendSample() {
  const { listMailboxes, listState } = await load('store/list.js');
  const mark = join(root, '.mailboxd', 'sample-sent');
  const states = ['inbox', 'in_progress', 'complete', 'failed'];
  const isUsed = listMailboxes(root).some((mailbox) =>
    states.some((state) => listState(root, mailbox, state).length > 0),
  );
  if (isUsed || existsSync(mark)) return;
  const { readRoot } = await load('mailbox/root.js');
  const { sendMessage } = await load('mailbox/send.js');
  const { systemClock } = await load('mailbox/clock.js');
  const { place } = await sendMessage(readRoot(root), systemClock, {
    to: 'server',
    text: 'Say hello, and explain in three short sentences what just happened to this file.\n',
    fields: { from: 'laptop', subject: 'Hello from mailboxd' },
  });
  mkdirSync(join(root, '.mailboxd'), { recursive: true });
  writeFileSync(mark, '');
  process.stdout.write(`A first task is on its way: mailboxes/server/inbox/${place.name}\n`);
}
