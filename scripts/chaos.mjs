// Chaos by hand: node scripts/chaos.mjs [--seed S] [--rounds N] [--seconds T] [--workers W] [--only PART]… [--break RULE]
// [--program dist/cli/main.js] [--dir D] [--verbose]. Build first. docs/chaos.md says what it does.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runRound } from '../tests/chaos/round.mjs';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    rounds: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '20' },
    workers: { type: 'string' },
    only: { type: 'string', multiple: true },
    break: { type: 'string' },
    program: { type: 'string', default: fileURLToPath(new URL('../dist/cli/main.js', import.meta.url)) },
    dir: { type: 'string', default: tmpdir() },
    verbose: { type: 'boolean', default: false },
  },
});

const total = { deeds: 0, faults: 0, violations: 0 };
/** @param {Record<string, number>} counts */
const sum = (counts) => Object.values(counts).reduce((a, b) => a + b, 0);
/** @param {Record<string, number>} counts */
const list = (counts) =>
  Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ') || 'none';

for (let round = 0; round < Number(values.rounds); round += 1) {
  const dir = mkdtempSync(join(values.dir, 'mailboxd-chaos-'));
  const result = await runRound({
    ...{ dir, seed: Number(values.seed), round, seconds: Number(values.seconds), program: values.program },
    ...(values.workers && { workers: Number(values.workers) }),
    ...(values.only && { only: values.only }),
    ...(values.break && { sabotage: values.break }),
    ...(values.verbose && { log: (/** @type {string} */ line) => console.error(line) }),
  });
  const { deeds, faults, violations, messages, runs, overlaps, kept, copies, seconds, details } = result;
  console.log(`round ${round}, seed ${values.seed}: ${details}; ${seconds.toFixed(0)} s`);
  console.log(`  deeds: ${list(deeds)}`);
  console.log(`  faults: ${list(faults)}`);
  console.log(
    `  found: ${messages} messages, ${runs} runs, ${overlaps} of them beside another whose host was cut off, ${kept} files kept aside, ${copies} copies, ${violations.length} violations`,
  );
  for (const violation of violations) console.log(`  ${violation}`);
  total.deeds += sum(deeds);
  total.faults += sum(faults);
  total.violations += violations.length;
  if (violations.length === 0) rmSync(dir, { recursive: true, force: true });
  else {
    console.log(`  the folders are kept in ${dir}; trace.log there says what was done when`);
    process.exitCode = 1;
  }
}
console.log(
  `chaos: ${values.rounds} rounds, ${total.deeds} deeds, ${total.faults} faults, ${total.violations} violations`,
);
