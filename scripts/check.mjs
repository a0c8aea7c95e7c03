// What CI runs. `npm run check` runs every part; `npm run check -- lint types` runs those alone.
// `--tested STATUS` takes the tests as already run (CI=true npm test), ended with that exit status.
import { parseArgs } from 'node:util';
import { PARTS } from './check/parts.mjs';
import { readTests } from './check/tests.mjs';

const { values, positionals } = parseArgs({ options: { tested: { type: 'string' } }, allowPositionals: true });
const unknown = positionals.filter((name) => !Object.hasOwn(PARTS, name));
if (unknown.length > 0) {
  console.error(`found no part ${unknown.join(', ')}; expected some of: ${Object.keys(PARTS).join(', ')}`);
  process.exit(64);
}

let passed = 0;
let failed = 0;
for (const name of positionals.length > 0 ? positionals : Object.keys(PARTS)) {
  const check = PARTS[name];
  if (check === undefined || (name === 'tests' && values.tested !== undefined)) continue;
  const start = performance.now();
  const part = await check();
  console.log(`${part.ok ? 'ok  ' : 'FAIL'} ${name.padEnd(8)} ${((performance.now() - start) / 1000).toFixed(1)} s`);
  if (!part.ok && part.output) console.log(part.output.trimEnd());
  passed += part.counts?.passed ?? (part.ok ? 1 : 0);
  failed += part.counts?.failed ?? (part.ok ? 0 : 1);
}
if (values.tested !== undefined) {
  const { ok, counts } = readTests(Number(values.tested));
  console.log(`${ok ? 'ok  ' : 'FAIL'} tests`);
  passed += counts.passed;
  failed += counts.failed;
}

console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
