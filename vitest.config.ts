import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { SummaryReporter } from './tests/support/summary-reporter.js';

/** What `npm run check` and CI add to `npm test`: coverage, and a report that the check counts from. */
const checked = process.env['CI'] !== undefined && process.env['CI'] !== 'false';
const cache = fileURLToPath(new URL('.cache', import.meta.url));
const summary = `${cache}/test-summary.txt`;

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    // One process for each test file, two at once: a file's leaks, environment and signals stay its own.
    pool: 'forks',
    isolate: true,
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    retry: 0,
    setupFiles: ['tests/support/leaks.ts'],
    globalSetup: ['tests/support/summary-setup.ts'],
    env: {
      MAILBOXD_TEST_SUMMARY: summary,
      ...(checked ? { MAILBOXD_TEST_COVERAGE: `${cache}/v8-coverage` } : {}),
    },
    silent: 'passed-only',
    reporters: ['default', new SummaryReporter(summary), ...(checked ? ['json' as const] : [])],
    outputFile: { json: `${cache}/test-report.json` },
    coverage: {
      enabled: checked,
      provider: 'custom',
      customProviderModule: 'tests/support/coverage.ts',
      include: ['src/**/*.ts'],
      reporter: [['text', { skipFull: true }], 'json-summary'],
      reportOnFailure: true,
      thresholds: { lines: 80, branches: 80 },
    },
  },
});
