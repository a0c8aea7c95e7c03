/**
 * Workers on one mailbox with 200 waiting tasks, each the exchange in a process of its own, with a root of its own; they
 * share the path of the remote. Each asks for 8 at once, the oldest first, as a daemon with that concurrency does, and
 * for the next when it has an answer; nothing is run. The clock runs from the word "go" to the last claim. The floor:
 * as many processes push as many refs, 8 at a time, that nobody else wants, and look at nothing. The naive way: 8 files
 * moved to in_progress/ in one commit, with fetch, rebase and push, by 4 workers for a while.
 */
import { join } from 'node:path';
import { compare, median, quantile } from '../support/figures.mjs';
import { startExchange, startPeer } from '../support/exchange-child.mjs';
import { bareWith, emptyRoot, waitingTasks } from '../support/git.mjs';

const TASKS = 200;
const WIDTH = 8;

/** @param {import('./index.mjs').RowContext} context */
export async function measureGitWorkers({ dir, quick, say, nodeArgs }) {
  const repetitions = quick ? 1 : 3;
  const runs = { four: [], eight: [], bare: [], naive: [] };
  for (let n = 0; n < repetitions; n += 1) {
    const bare = await measureBare(join(dir, `bare-${n}`), 4);
    const naive = await measureNaive(join(dir, `naive-${n}`), 4, quick ? 4_000 : 10_000);
    const four = await measureOurs(join(dir, `four-${n}`), 4, nodeArgs);
    const eight = await measureOurs(join(dir, `eight-${n}`), 8, nodeArgs);
    for (const [name, run] of Object.entries({ four, eight, bare, naive })) {
      runs[name].push(run);
      say(
        `${n + 1} of ${repetitions}, ${name}: ${run.rate.toFixed(0)}/s, fairness ${run.fairness.toFixed(2)}, p99 ${run.p99.toFixed(0)} ms, p50 ${run.p50.toFixed(0)} ms, twice ${run.twice}, troubles ${run.troubles}`,
      );
    }
  }
  const pairs = (key, ours = runs.four, beside = runs.bare) =>
    ours.map((run, n) => ({ value: run[key], beside: beside[n][key] }));
  const at = (is, limit, of = 'value') => /** @type {const} */ ({ of, is, limit });
  const floor = 'bare pushes of 8 refs';
  const naive = 'commits on main';
  const name = '4 workers, claims together';
  return [
    compare({ name, unit: '/s', beside: floor, pairs: pairs('rate'), target: at('at least', 40) }),
    compare({ name, unit: '/s', beside: naive, pairs: pairs('rate', runs.four, runs.naive) }),
    most('… claimed twice', 'twice', runs.four, naive, runs.naive),
    most('… errors shown', 'troubles', runs.four, floor, runs.bare),
    compare({
      name: '… fairness (Jain)',
      unit: '',
      beside: naive,
      pairs: pairs('fairness', runs.four, runs.naive),
      target: at('at least', 0.9),
    }),
    compare({ name: '… p99', unit: 'ms', beside: floor, pairs: pairs('p99'), target: at('at most', 500) }),
    compare({
      name: '8 workers, claims together',
      unit: '/s',
      beside: '4 workers',
      pairs: pairs('rate', runs.eight, runs.four),
      target: at('at least', 0.6, 'ratio'),
    }),
    most('… claimed twice', 'twice', runs.eight, '4 workers', runs.four),
  ];
}

/** What must never happen: the most of any repetition, without a ratio. */
const most = (name, key, ours, beside, theirs) => ({
  ...{ name, unit: '', value: Math.max(...ours.map((run) => run[key])) },
  beside: { name: beside, value: Math.max(...theirs.map((run) => run[key])), unit: '' },
  target: /** @type {const} */ ({ of: 'value', is: 'at most', limit: 0 }),
});

async function measureOurs(dir, count, nodeArgs) {
  const url = await bareWith(join(dir, 'remote.git'), waitingTasks(TASKS));
  const start = (n) =>
    startExchange({ root: emptyRoot(join(dir, `root-${n}`)), url, host: `bench-000${n}` }, { nodeArgs });
  const workers = await Promise.all(Array.from({ length: count }, (_, n) => start(n)));
  const shares = await Promise.all(workers.map((worker) => worker.ask('drain', { width: WIDTH })));
  const troubles = (await Promise.all(workers.map((worker) => worker.ask('troubles')))).flat();
  for (const trouble of troubles) process.stderr.write(`  trouble: ${trouble}\n`);
  const found = summary(shares, troubles.length);
  if (found.claims < TASKS) throw new Error(`found ${found.claims} claims, expected ${TASKS}`);
  await Promise.all(workers.map((worker) => worker.close()));
  return found;
}

async function measureBare(dir, count) {
  const url = await bareWith(join(dir, 'remote.git'), waitingTasks(TASKS));
  const workers = await startPlain(dir, url, count);
  await Promise.all(workers.map((worker) => worker.ask('prepare', { count: TASKS / count })));
  const shares = await Promise.all(workers.map((worker) => worker.ask('bare', { width: WIDTH })));
  await Promise.all(workers.map((worker) => worker.close()));
  return summary(shares, 0);
}

async function measureNaive(dir, count, span) {
  const url = await bareWith(join(dir, 'remote.git'), waitingTasks(TASKS));
  const workers = await startPlain(dir, url, count);
  const shares = await Promise.all(workers.map((worker) => worker.ask('naive', { width: WIDTH, span })));
  await Promise.all(workers.map((worker) => worker.close()));
  return summary(shares, 0);
}

const startPlain = (dir, url, count) =>
  Promise.all(
    Array.from({ length: count }, (_, n) =>
      startPeer('git-claims-process.mjs', { root: join(dir, `clone-${n}`), url, who: `worker-${n}` }),
    ),
  );

/** From the first request, which is a claim's end less what it took, to the last claim. */
function summary(shares, troubles) {
  const won = shares.map((share) => share.filter(({ kind }) => kind === 'granted'));
  const all = won.flat();
  const from = Math.min(...shares.flat().map(({ at, ms }) => at - ms));
  const to = Math.max(...all.map(({ at }) => at));
  const sizes = won.map((share) => share.length);
  const sum = sizes.reduce((a, b) => a + b, 0);
  const times = all.map(({ ms }) => ms);
  const distinct = new Set(all.map(({ name }) => name)).size;
  return {
    claims: sum,
    rate: (distinct / (to - from)) * 1_000,
    twice: sum - distinct,
    fairness: sum ** 2 / (sizes.length * sizes.reduce((a, b) => a + b * b, 0)),
    p50: median(times),
    p99: quantile(times, 0.99),
    troubles,
  };
}
