/**
 * What 1,000 tasks of 5 minutes each leave on the remote. The exchange runs with its clock moved on by hand: tasks are
 * claimed 50 at a time, shown in progress at their first renewal, renewed 15 times (a lease of 60 s, each third of it)
 * and ended; every tenth is followed, so that its live ref is replaced 150 times, each time with 1 KB more, and taken
 * away at the end. Beside it the same tasks, claimed and ended in the same batches and nothing else. Both repositories are
 * measured as a server has them once it has pruned (`git gc --prune=now`), and before that.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { compare } from '../support/figures.mjs';
import { startExchange } from '../support/exchange-child.mjs';
import { bareWith, emptyRoot, git, idOf, nameOf, runGit, taskText, waitingTasks } from '../support/git.mjs';

const BATCH = 50;
const RENEWALS = 15;
/** Of one live ref: 5 minutes, each 2 s. */
const PIECES = 150;
const LEASE = 60_000;

/** @param {import('./index.mjs').RowContext} context */
export async function measureGitHistory({ dir, quick, say, nodeArgs }) {
  const count = quick ? BATCH : 1_000;
  const plain = await measureOnce(join(dir, 'plain'), count, false, nodeArgs);
  const whole = await measureOnce(join(dir, 'whole'), count, true, nodeArgs);
  for (const [name, run] of Object.entries({ 'claims and results alone': plain, 'as it is': whole }))
    say(
      `${name}: ${run.pruned.toFixed(0)} KB pruned, ${run.before.toFixed(0)} KB before, ${run.commits} commits on main`,
    );
  const beside = 'claims and results alone';
  const against = (key) => [{ value: whole[key], beside: plain[key] }];
  const name = `${count} tasks of 5 minutes`;
  return [
    compare({
      ...{ name: `${name}, pruned`, unit: 'KB', beside, pairs: against('pruned') },
      target: { of: 'ratio', is: 'at most', limit: 1.2 },
    }),
    compare({ name: '… before the server prunes', unit: 'KB', beside, pairs: against('before') }),
    compare({ name: '… commits on main', unit: '', beside, pairs: against('commits') }),
  ];
}

async function measureOnce(dir, count, isWhole, nodeArgs) {
  const remote = await bareWith(join(dir, 'remote.git'), waitingTasks(count));
  const root = emptyRoot(join(dir, 'root'));
  const host = await startExchange({ root, url: remote, host: 'bench-0001', lease: LEASE, manual: true }, { nodeArgs });
  await host.ask('turn');
  for (let from = 0; from < count; from += BATCH) {
    const numbers = Array.from({ length: BATCH }, (_, k) => from + k);
    // By hand, a claim is answered in the next turn.
    const asked = host.ask('claimAll', { names: numbers.map(nameOf) });
    await host.ask('turn');
    const odd = (await asked).find(({ kind }) => kind !== 'granted');
    if (odd) throw new Error(`found the answer ${odd.kind} to a claim, expected granted`);
    const followed = isWhole ? numbers.filter((n) => n % 10 === 0) : [];
    for (let renewal = 0; isWhole && renewal < RENEWALS; renewal += 1) {
      await host.ask('turn', { ms: LEASE / 3 + 100 });
      await showLive(root, remote, followed, (renewal * PIECES) / RENEWALS, PIECES / RENEWALS);
    }
    const tasks = numbers.map((n) => ({
      name: nameOf(n),
      id: idOf(n),
      text: `${taskText(n)}\n${outputOf(n, PIECES / 10)}`,
    }));
    await host.ask('finishAll', { tasks });
    const refs = followed.map((n) => `:refs/mailboxd/live/${idOf(n)}`);
    if (refs.length > 0) await runGit(root, ['push', '-q', remote, ...refs]);
  }
  const troubles = await host.ask('troubles');
  if (troubles.length > 0) throw new Error(`the exchange had trouble: ${troubles[0]}`);
  await host.close();
  const landed = git(remote, 'ls-tree', '--name-only', 'main', 'mailboxes/server/complete/').split('\n').length;
  if (landed !== count) throw new Error(`found ${landed} results on main, expected ${count}`);
  const before = sizeOf(remote);
  git(remote, 'reflog', 'expire', '--expire=now', '--all');
  git(remote, 'gc', '-q', '--prune=now');
  return { before, pruned: sizeOf(remote), commits: Number(git(remote, 'rev-list', '--count', 'main')) };
}

/** What a task has said by then: 100 bytes a piece, not the same for any two. */
const outputOf = (n, pieces) =>
  Array.from(
    { length: pieces },
    (_, k) => `Piece ${k} of ${n}: ${'what moved the market, in short '.repeat(3)}\n`,
  ).join('');

/** Replaces the live refs of these tasks so many times, as the daemon does while somebody follows. */
async function showLive(root, remote, numbers, from, times) {
  for (let k = from; k < from + times && numbers.length > 0; k += 1) {
    let script = '';
    for (const n of numbers) {
      const text = `${taskText(n)}\n${outputOf(n, (k + 1) * 10)}`;
      script += `reset refs/bench/live/${n}\ncommit refs/bench/live/${n}\ncommitter Bench <bench@example.org> 1790000000 +0000\n`;
      script += `data 4\nlive\ndeleteall\nM 100644 inline output.md\ndata ${Buffer.byteLength(text)}\n${text}\n`;
    }
    execFileSync('git', ['fast-import', '--quiet', '--force'], { cwd: root, input: script });
    const specs = numbers.map((n) => `+refs/bench/live/${n}:refs/mailboxd/live/${idOf(n)}`);
    const { code, out } = await runGit(root, ['push', '-q', remote, ...specs]);
    if (code !== 0) throw new Error(`pushing live output: ${out}`);
  }
}

/** All that is in the repository's folder, KB. */
function sizeOf(dir) {
  return Number(execFileSync('du', ['-sk', '--apparent-size', dir], { encoding: 'utf8' }).split('\t')[0]);
}
