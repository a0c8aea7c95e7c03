// The floor of the row `stream`: the same children, each chunk of theirs appended to a file as it comes, nothing else.
// `node stream-bare-process.mjs <dir> <child> <seconds> <count>`
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const [dir = '', child = '', seconds = '', count = ''] = process.argv.slice(2);
const loop = monitorEventLoopDelay({ resolution: 1 });
let open = Number(count);
for (let n = 0; n < Number(count); n += 1) {
  const bare = spawn(process.execPath, [child, seconds], { stdio: ['ignore', 'pipe', 'inherit'] });
  bare.stdout.on('data', (chunk) => appendFileSync(`${dir}/${n}.md`, chunk));
  bare.on('close', () => {
    open -= 1;
    if (open === 0) process.send?.({ done: true, p99: loop.percentile(99) / 1e6 - 1 }, () => process.exit(0));
  });
}
loop.enable();
