import { appendFileSync, chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { print } from '../support/print.js';
import { testdir } from '../support/testdir.js';
import { waitUntil } from '../support/wait-until.js';
import { makeRoot, namesIn, pathOf, startDaemonProcess, type DaemonProcess } from './daemon-process.js';
import { createRandom } from './random.js';

/** Says when it begins and ends, in one file for each epoch of each message. */
const PROGRAM = `#!/bin/sh
echo "begin $MAILBOXD_ID $MAILBOXD_EPOCH" >> "$LOG"
cat > /dev/null
sleep 0.0$(( $(date +%N | cut -c7) ))
echo "end $MAILBOXD_ID $MAILBOXD_EPOCH" >> "$LOG"
echo done
`;

test('invariant 2: of two daemons on one root, killed at random, none runs a claim twice and no message is lost', {
  timeout: 120_000,
}, async () => {
  const dir = testdir({ 'program.sh': PROGRAM });
  const log = join(dir, 'runs.log');
  writeFileSync(log, '');
  chmodSync(join(dir, 'program.sh'), 0o755);
  const root = makeRoot(
    join(dir, 'root'),
    `runner: command\nrunners: { command: { argv: ["${dir}/program.sh"], env: { LOG: "${log}" } } }\nlimits: { concurrency: 3, max_crashes: 50 }\n`,
  );
  const random = createRandom(11);
  const total = 80;
  let dropped = 0;
  const drop = (): void => {
    dropped += 1;
    const temp = join(dir, `drop-${dropped}`);
    writeFileSync(temp, `task number ${dropped} end\n`);
    renameSync(temp, pathOf(root, 'inbox', `task-${dropped}.md`));
  };
  const daemons: DaemonProcess[] = [startDaemonProcess(root), startDaemonProcess(root)];
  let kills = 0;
  while (dropped < total) {
    const before = dropped;
    for (let n = 0; n < 8; n += 1) drop();
    const finished = (): number => namesIn(root, 'complete').length;
    const enough = Math.min(before, finished() + 1 + random.below(6));
    await waitUntil(() => finished() >= enough, { timeout: 15_000, what: 'some tasks to end' });
    const victim = random.below(2);
    await daemons[victim]?.kill();
    kills += 1;
    daemons[victim] = startDaemonProcess(root);
  }
  await waitUntil(() => namesIn(root, 'complete').length === total && namesIn(root, 'in_progress').length === 0, {
    timeout: 60_000,
    what: `${total} tasks to end; ${namesIn(root, 'complete').length} have`,
  });
  for (const daemon of daemons) expect(await daemon.kill('SIGTERM')).toBe(0);

  for (let n = 1; n <= total; n += 1) {
    const text = readFileSync(pathOf(root, 'complete', `task-${n}.md`), 'utf8');
    expect(text).toContain(`\ntask number ${n} end\n`);
    expect(text.match(/^## Result$/gm)).toHaveLength(1);
  }
  const begun = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('begin'));
  const ended = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('end'));
  expect(new Set(begun).size, 'no claim was run twice').toBe(begun.length);
  const repeated = ended.length - new Set(ended.map((line) => line.split(' ')[1])).size;
  print(
    `two daemons: ${total} tasks, ${kills} kills, ${begun.length} runs begun, ${repeated} repeated after a crash, 0 twice`,
  );
  // Only a run whose daemon was killed is begun again.
  expect(begun.length - total).toBeLessThanOrEqual(kills * 3);
  appendFileSync(log, '');
});
