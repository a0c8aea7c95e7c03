/**
 * Coverage of src/ by everything the tests run: vitest's own (V8) for what runs inside the test processes, and what
 * Node writes at its end (NODE_V8_COVERAGE, set in leaks.ts) for `dist/cli/main.js`, the daemon and all other children.
 * The children run dist/; its source maps lead back to src/. Only the starts of statements, branches and functions
 * that both sides know are counted together, so the total can be too low but never too high. A process ended by
 * SIGKILL writes nothing and counts for nothing.
 */
import v8 from '@vitest/coverage-v8';

export default {
  ...v8,
  async getProvider() {
    const { ChildCoverageProvider } = await import('./coverage-provider.js');
    return new ChildCoverageProvider();
  },
};
