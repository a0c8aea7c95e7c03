// `npm run bench [-- [row …] [--quick] [--json] [--profile]]`: measures mailboxd beside floors and peers of the same run.
// Prints a table (with --json the JSON alone) and writes bench/results.json. Exits 1 when a row failed, or when a figure has
// nothing beside it; a missed target is shown and fails nothing.
import { fork } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ROWS } from './rows/index.mjs';
import { describeMachine } from './support/machine.mjs';
import { installNeeds } from './support/needs.mjs';
import { isolated, project } from './support/place.mjs';
import { report } from './support/report.mjs';
import { renderTable } from './support/table.mjs';

const flag = /** @type {const} */ ({ type: 'boolean', default: false });
const { values, positionals } = parseArgs({
  options: { quick: flag, json: flag, profile: flag },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !Object.hasOwn(ROWS, name));
if (unknown.length > 0) {
  console.error(`found no row ${unknown.join(', ')}; expected some of: ${Object.keys(ROWS).join(', ')}`);
  process.exit(64);
}
if (!existsSync(join(project, 'dist/daemon/daemon.js'))) {
  console.error('found no dist/; build it first: npm run build');
  process.exit(1);
}

const say = (line) => process.stderr.write(`${line}\n`);
const names = positionals.length > 0 ? positionals : Object.keys(ROWS);
// Not below MAILBOXD_BENCH_DIR or TMPDIR if that is a file system in memory: it syncs nothing.
const base = mkdtempSync(join(process.env.MAILBOXD_BENCH_DIR ?? tmpdir(), 'mailboxd-bench-'));
const machine = describeMachine(base);
if (machine.files === 'tmpfs')
  say('note: the bench works in memory here, where a sync costs nothing; set MAILBOXD_BENCH_DIR');

/** @type {import('node:child_process').ChildProcess | undefined} */
let running;
const end = (signal) => {
  running?.kill(signal);
  rmSync(base, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  process.exit(130);
};
process.once('SIGINT', end);
process.once('SIGTERM', end);

/**
 * A row in a process of its own, in an environment built from nothing.
 * @returns {Promise<import('./support/report.mjs').Measured>}
 */
async function measure(name, cli) {
  const dir = join(base, name);
  const args = [name, dir, ...(values.quick ? ['--quick'] : []), ...(values.profile ? ['--profile'] : [])];
  const env = isolated(join(base, 'home'), { BENCH_CLAUDE_CLI: cli });
  running = fork(fileURLToPath(new URL('run-row.mjs', import.meta.url)), args, {
    env,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  let figures;
  running.on('message', (/** @type {any} */ said) => (figures = said.figures));
  const code = await new Promise((resolve) => running?.once('close', resolve));
  return figures ? { row: name, figures } : { row: name, error: `it ended with ${code} before it had its figures` };
}

const measured = [];
for (const name of names) {
  say(`${name}: ${ROWS[name].title}`);
  try {
    const { cli } = installNeeds([ROWS[name]], say);
    measured.push(await measure(name, cli));
  } catch (error) {
    measured.push({ row: name, error: error.message });
  }
}
const { rows, flaws, missed } = report(measured);
const at = new Date().toISOString();
const loadAfter = describeMachine(base).load;
const results = { at, quick: values.quick, machine: { ...machine, load_after: loadAfter }, rows, flaws, missed };
const json = `${JSON.stringify(results, null, 2)}\n`;
writeFileSync(new URL('results.json', import.meta.url), json);
if (values.json) process.stdout.write(json);
else {
  const { cpu, memory, system, node, files, load } = machine;
  process.stdout.write(
    `${cpu}, ${memory}, ${files} on ${system}, Node ${node}; load ${load[0]} before, ${loadAfter[0]} after\n\n`,
  );
  process.stdout.write(renderTable(rows.map(({ row, figures }) => ({ row: ROWS[row].title, figures }))));
  if (missed > 0) process.stdout.write(`\n${missed} targets missed; docs/performance.md says why\n`);
}
for (const flaw of flaws) console.error(`cannot be used: ${flaw}`);
if (values.profile) say(`profiles of the daemons are kept in ${base}`);
else rmSync(base, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
process.exitCode = flaws.length === 0 ? 0 : 1;
