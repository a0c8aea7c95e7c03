// Runs the tests as CI does, and counts from vitest's own report.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './run.mjs';

const report = join(root, '.cache/test-report.json');

export async function runTests() {
  rmSync(report, { force: true });
  const { status } = await run('npm', ['test'], { live: true, env: { ...process.env, CI: 'true' } });
  return { ...readTests(status), output: '' };
}

/**
 * What the last run of the tests came to. A run without a report, a skipped test, a failure outside the tests (a leak,
 * too little coverage, an unhandled error) and a test against the real CLI that did not run all count as failed.
 * @param {number} status the exit status of that run
 */
export function readTests(status) {
  const found = read();
  if (found === undefined) {
    console.log(`found no report of the tests, whose run ended with status ${status}`);
    return { ok: false, counts: { passed: 0, failed: 1 } };
  }
  const tests = found.testResults.flatMap((file) => file.assertionResults);
  const passed = tests.filter((test) => test.status === 'passed').length;
  let failed = tests.filter((test) => test.status === 'failed').length;

  for (const test of tests.filter(({ status }) => status !== 'passed' && status !== 'failed')) {
    console.log(`not run: ${test.fullName} (${test.status})`);
    failed += 1;
  }
  for (const file of found.testResults) {
    if (file.status === 'passed' || file.assertionResults.some((test) => test.status === 'failed')) continue;
    failed += 1;
  }
  const real = tests.filter((test) => test.fullName.includes('real CLI:'));
  const answered = real.filter((test) => test.status === 'passed').length;
  console.log(`real-cli: ${answered} of ${real.length}`);
  if (real.length === 0) {
    console.log('found no test against the real CLI; expected some whose names contain "real CLI:"');
    failed += 1;
  }
  if (status !== 0 && failed === 0) {
    console.log(`all tests passed, but their run ended with status ${status}: see its output above`);
    failed += 1;
  }
  return { ok: failed === 0, counts: { passed, failed } };
}

/** @returns {{ testResults: { name: string, status: string, assertionResults: { fullName: string, status: string }[] }[] } | undefined} */
function read() {
  try {
    return JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return undefined;
  }
}
