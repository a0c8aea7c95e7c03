/**
 * A claim on a remote, from the request to the answer "yours": the push that creates the claim's ref, and the new look
 * at main that the protocol asks for after it. One host, one claim at a time, nothing else going on. The floor is the
 * push alone: plain git creates one ref on the same remote, with the same compare and swap, and looks at nothing. The
 * naive claim is a commit on main (the file moved to in_progress/), brought there with fetch, rebase and push.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { compare, median } from '../support/figures.mjs';
import { startExchange } from '../support/exchange-child.mjs';
import { bareWith, cloneOf, emptyRoot, nameOf, newObject, overHttp, timeGit, waitingTasks } from '../support/git.mjs';

/** @param {import('./index.mjs').RowContext} context */
export async function measureGitClaim({ dir, quick, say, nodeArgs }) {
  const repetitions = quick ? 2 : 4;
  const count = quick ? 12 : 30;
  const figures = [];
  for (const kind of ['path', 'http']) {
    const bare = [];
    const naive = [];
    for (let n = 0; n < repetitions; n += 1) {
      const times = await measureOnce(join(dir, `${kind}-${n}`), kind, count, nodeArgs);
      const [value, push, commits] = [times.ours, times.bare, times.naive].map(median);
      bare.push({ value, beside: push });
      naive.push({ value, beside: commits });
      say(
        `${kind}, ${n + 1} of ${repetitions}: claim ${value.toFixed(1)} ms, bare push ${push.toFixed(1)} ms, naive ${commits.toFixed(1)} ms`,
      );
    }
    const name = `claim p50, ${kind}`;
    const target = /** @type {const} */ ({ of: 'ratio', is: 'at most', limit: 1.5 });
    figures.push(compare({ name, unit: 'ms', beside: 'bare push of one ref', pairs: bare, target }));
    figures.push(compare({ name, unit: 'ms', beside: 'commit on main: fetch, rebase, push', pairs: naive }));
  }
  return figures;
}

async function measureOnce(dir, kind, count, nodeArgs) {
  const warm = 5;
  const remote = await bareWith(join(dir, 'remote.git'), waitingTasks(2 * (count + warm)));
  const served = kind === 'http' ? await overHttp(remote) : undefined;
  const url = served?.url ?? remote;
  const clone = cloneOf(remote, join(dir, 'clone'));
  const host = await startExchange({ root: emptyRoot(join(dir, 'root')), url, host: 'bench-0001' }, { nodeArgs });
  const times = { ours: [], bare: [], naive: [] };
  mkdirSync(join(clone, 'mailboxes/server/in_progress'), { recursive: true });
  for (let n = 0; n < count + warm; n += 1) {
    await quiet(host);
    const { kind: answer, ms } = await host.ask('claim', { name: nameOf(n) });
    if (answer !== 'granted') throw new Error(`claim ${n}: found ${answer}, expected granted`);
    const ref = `refs/bench/${n}`;
    const object = newObject(clone, n);
    await quiet(host);
    const push = await timeGit(clone, ['push', '--porcelain', `--force-with-lease=${ref}:`, url, `${object}:${ref}`]);
    if (n < warm) continue;
    times.ours.push(ms);
    times.bare.push(push);
  }
  await host.close();
  // Not while the exchange watches: it would look at each of these.
  for (let n = 0; n < count; n += 1) {
    const name = nameOf(count + warm + n);
    const began = performance.now();
    await timeGit(clone, ['mv', `mailboxes/server/inbox/${name}`, `mailboxes/server/in_progress/${name}`]);
    await timeGit(clone, ['commit', '-q', '-m', `claim ${name}`]);
    await timeGit(clone, ['fetch', '-q', url, 'main']);
    await timeGit(clone, ['rebase', '-q', 'FETCH_HEAD']);
    await timeGit(clone, ['push', '-q', url, 'HEAD:main']);
    times.naive.push(performance.now() - began);
  }
  await served?.close();
  return times;
}

/** Until nothing has had a turn for a moment: what a claim rang for is over. */
async function quiet(host) {
  for (let before = -1; ; ) {
    const rounds = await host.ask('rounds');
    if (rounds === before) return;
    before = rounds;
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
}
