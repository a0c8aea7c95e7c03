import { countChaos, countHosts, runCampaign, runProperties } from './campaigns.mjs';
import { checkPackage } from './package.mjs';
import { inTurn, root, run, tool } from './run.mjs';
import { runTests } from './tests.mjs';

const tsc = (project) => tool('typescript', 'tsc', ['--noEmit', '--pretty', 'false', '-p', project]);

/**
 * The parts of the check, in the order they run: name → does it, and says how it went.
 * @type {Record<string, () => Promise<{ ok: boolean, output: string, counts?: { passed: number, failed: number } }>>}
 */
export const PARTS = {
  build: () => run(process.execPath, ['scripts/build.mjs', '--clean']),
  types: () => inTurn([() => tsc(root), () => tsc('tests'), () => tsc('scripts')]),
  lint: () => tool('oxlint', 'oxlint', ['--type-aware', '--deny-warnings']),
  format: () => tool('@biomejs/biome', 'biome', ['format', '.']),
  unused: () => tool('knip', 'knip', ['--no-progress']),
  package: checkPackage,
  tests: runTests,
  properties: runProperties,
  hosts: () => runCampaign('test-hosts.mjs', [], countHosts),
  chaos: () =>
    runCampaign('chaos.mjs', ['--seed', '5', '--rounds', '1', '--seconds', '10', '--workers', '3'], countChaos),
};
