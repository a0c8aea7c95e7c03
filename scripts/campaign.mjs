// The fault campaign by hand: node scripts/campaign.mjs [--rounds N] [--seed S] [--kills K] [--lanes L] [--verbose]
// [--dir D] [--reverse unlink-before-link] [--json]. Build first. A round kills K daemons at each step; a seed that found something finds it again, or nearly.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describe, runCampaign } from '../tests/faults/campaign/campaign.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    kills: { type: 'string', default: '30' },
    lanes: { type: 'string', default: '3' },
    reverse: { type: 'string' },
    dir: { type: 'string', default: tmpdir() },
    json: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});

for (let round = 0; round < Number(values.rounds); round += 1) {
  const dir = mkdtempSync(join(values.dir, 'mailboxd-campaign-'));
  const result = await runCampaign({
    dir,
    seed: Number(values.seed) + round,
    kills: Number(values.kills),
    lanes: Number(values.lanes),
    ...(values.reverse && { reverse: values.reverse }),
    ...(values.verbose && { log: (line) => console.error(line) }),
  });
  if (values.json) {
    console.log(JSON.stringify({ ...result, lines: describe(result) }));
    continue;
  }
  console.log(describe(result).join('\n'));
  for (const violation of result.violations) console.log(`  ${violation}`);
  if (result.violations.length === 0) rmSync(dir, { recursive: true, force: true });
  else {
    console.log(`  the folders are kept in ${dir}`);
    process.exitCode = 1;
  }
}
