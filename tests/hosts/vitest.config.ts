import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { SummaryReporter } from '../support/summary-reporter.js';

/** The tests that need root, an ssh server or network namespaces: `npm run test:hosts`. */
const root = fileURLToPath(new URL('../..', import.meta.url));
const summary = `${root}.cache/hosts-summary.txt`;

export default defineConfig({
  root,
  test: {
    include: ['tests/hosts/**/*.hosts.ts'],
    pool: 'forks',
    isolate: true,
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    retry: 0,
    setupFiles: ['tests/support/leaks.ts'],
    globalSetup: ['tests/support/summary-setup.ts'],
    env: { MAILBOXD_TEST_SUMMARY: summary },
    silent: 'passed-only',
    reporters: ['default', new SummaryReporter(summary), 'json'],
    outputFile: { json: `${root}.cache/hosts-report.json` },
  },
});
