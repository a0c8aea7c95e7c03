// One row in a process of its own: `node run-row.mjs <row> <dir> [--quick]`, forked by main.mjs, which gets the figures.
import { mkdirSync } from 'node:fs';
import { ROWS } from './rows/index.mjs';

const [name = '', dir = '', ...flags] = process.argv.slice(2);
const row = ROWS[name];
if (!row) throw new Error(`there is no row ${name}`);
mkdirSync(dir, { recursive: true });
const measure = await row.load();
const figures = await measure({
  dir,
  cli: process.env.BENCH_CLAUDE_CLI ?? '',
  quick: flags.includes('--quick'),
  nodeArgs: flags.includes('--profile') ? ['--cpu-prof', `--cpu-prof-dir=${dir}/profile`] : [],
  say: (line) => process.stderr.write(`  ${name}: ${line}\n`),
});
process.send?.({ figures });
process.disconnect?.();
if (!process.send) console.log(JSON.stringify(figures, null, 2));
