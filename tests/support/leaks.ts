/**
 * After each test file: a watcher, server, socket, timer, child process or open file that is still there fails it, and
 * so does any process that works in one of its test directories (an orphan of a daemon, a tool of a killed runner).
 * vitest runs this as a setup file, so its `afterAll` comes last. What Node itself knows is counted everywhere; what
 * only the kernel knows (orphans, open files, watches that do not hold the process) on Linux.
 */
import { mkdirSync } from 'node:fs';
import { afterAll } from 'vitest';
import { openFiles, processesIn, resources, watches } from './leftovers.js';
import { removeTestdirs, testdirs } from './testdir.js';

/** How long what was told to stop may take to be gone, ms. */
const GRACE = 2_000;

const coverage = process.env['MAILBOXD_TEST_COVERAGE'];
if (coverage !== undefined) {
  // Node hands this on to every Node process below, also to those that get an environment of their own.
  mkdirSync(coverage, { recursive: true });
  process.env['NODE_V8_COVERAGE'] = coverage;
}

const before = resources();
const watchesBefore = watches();

afterAll(async () => {
  const deadline = performance.now() + GRACE;
  let left = leftovers();
  while (left.length > 0 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    left = leftovers();
  }
  for (const { pid } of processesIn(testdirs())) kill(pid);
  removeTestdirs();
  if (left.length > 0) {
    throw new Error(`this test file left behind, ${GRACE} ms after its last test:\n  ${left.join('\n  ')}`);
  }
});

function leftovers(): string[] {
  const left: string[] = [];
  for (const [type, now] of resources()) {
    const extra = now.length - (before.get(type)?.length ?? 0);
    if (extra > 0) left.push(`${extra} × ${type}: ${now.slice(-extra).join(', ')}`);
  }
  const extraWatches = watches() - watchesBefore;
  if (extraWatches > 0) left.push(`${extraWatches} × watch of a file or directory`);
  for (const path of openFiles(testdirs())) left.push(`open file ${path}`);
  for (const { pid, command } of processesIn(testdirs())) left.push(`process ${pid}: ${command}`);
  return left;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}
