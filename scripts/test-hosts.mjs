// `npm run test:hosts`: the tests on real hosts (tests/hosts/*.hosts.ts), over ssh and between network namespaces.
// Installs what they need first. What cannot run here fails, as does a test that was skipped or a file that broke off.
// Ends with a line `hosts: N of M passed`. Arguments go to vitest: npm run test:hosts -- -t unplugged
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './check/run.mjs';

const report = join(root, '.cache/hosts-report.json');

rmSync(report, { force: true });
const installed = await run(process.execPath, ['scripts/install-hosts.mjs'], { live: true });
if (installed.ok) {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const args = [vitest, 'run', '--config', 'tests/hosts/vitest.config.ts', ...process.argv.slice(2)];
  const { status } = await run(process.execPath, args, { live: true });
  finish(status);
} else {
  finish(1);
}

/** @param {number} status how the run before ended */
function finish(status) {
  const files = readReport();
  const tests = files.flatMap((file) => file.assertionResults);
  const passed = tests.filter((test) => test.status === 'passed').length;
  // A filter (-t) leaves tests out by order; without one, each that did not run counts as failed.
  const filtered = process.argv.includes('-t') || process.argv.includes('--testNamePattern');
  const wanted = filtered ? tests.filter((test) => test.status !== 'skipped') : tests;
  for (const test of wanted) {
    if (test.status !== 'passed' && test.status !== 'failed') console.log(`not run: ${test.fullName} (${test.status})`);
  }
  const ok = status === 0 && wanted.length > 0 && passed === wanted.length;
  if (!ok && passed === wanted.length) {
    console.log(`the run ended with status ${status} and a report of ${tests.length} tests: see its output above`);
  }
  console.log(`hosts: ${passed} of ${Math.max(wanted.length, ok ? 0 : passed + 1)} passed`);
  process.exitCode = ok ? 0 : 1;
}

/** @returns {{ assertionResults: { fullName: string, status: string }[] }[]} */
function readReport() {
  try {
    return JSON.parse(readFileSync(report, 'utf8')).testResults;
  } catch {
    return [];
  }
}
