// The floor of a rebuild: lists a folder with its month folders and reads every file, synchronously.
import { readdirSync, readFileSync } from 'node:fs';

const [dir = ''] = process.argv.slice(2);
const started = performance.now();
let bytes = 0;
for (const month of readdirSync(dir)) {
  for (const name of readdirSync(`${dir}/${month}`)) bytes += readFileSync(`${dir}/${month}/${name}`).length;
}
process.stdout.write(JSON.stringify({ seconds: (performance.now() - started) / 1_000, bytes }));
