/**
 * Hosts that end tasks over a remote 100 ms away (HTTP through a proxy that holds each byte for 50 ms one way, and a new
 * connection for a round trip), each one after the other as fast as it can: the file with the result is in complete/ and
 * the exchange is told, until the remote has it, on main or on its done claim. First one host, then 8 at once, for the
 * same span; their tasks were claimed before. The floor is 8 processes of plain git, each pushing one new ref after the
 * other; the naive way is a commit on main for each end, with fetch, rebase and push until it is taken.
 */
import { join } from 'node:path';
import { compare, median, quantile } from '../support/figures.mjs';
import { startExchange, startPeer } from '../support/exchange-child.mjs';
import { bareWith, emptyRoot, git, idOf, nameOf, overHttp, taskText, waitingTasks } from '../support/git.mjs';
import { until } from '../support/until.mjs';

const HOSTS = 8;
const clock = () => performance.timeOrigin + performance.now();

/** @param {import('./index.mjs').RowContext} context */
export async function measureGitFinish({ dir, quick, say, nodeArgs }) {
  const repetitions = quick ? 1 : 2;
  const span = quick ? 10_000 : 20_000;
  const runs = { one: [], eight: [], bare: [], naive: [] };
  for (let n = 0; n < repetitions; n += 1) {
    const found = {
      bare: await measurePlain(join(dir, `bare-${n}`), 'bare', span),
      naive: await measurePlain(join(dir, `naive-${n}`), 'naive', span),
      one: await measureOurs(join(dir, `one-${n}`), 1, span, nodeArgs),
      eight: await measureOurs(join(dir, `eight-${n}`), HOSTS, span, nodeArgs),
    };
    for (const [name, run] of Object.entries(found)) {
      runs[name].push(run);
      say(
        `${n + 1} of ${repetitions}, ${name}: ${run.rate.toFixed(1)}/s, least of a host ${run.least}, most ${run.most}, p50 ${run.p50.toFixed(0)} ms, p99 ${run.p99.toFixed(0)} ms, main after ${(run.main ?? 0).toFixed(0)} ms`,
      );
    }
  }
  const pairs = (key, ours = runs.eight, beside = runs.one, other = key) =>
    ours.map((run, n) => ({ value: run[key], beside: beside[n][other] }));
  const at = (is, limit, of = 'value') => /** @type {const} */ ({ of, is, limit });
  const name = '8 hosts, ends landed together';
  return [
    compare({ name, unit: '/s', beside: 'one host', pairs: pairs('rate'), target: at('at least', 5, 'ratio') }),
    compare({ name, unit: '/s', beside: 'bare pushes of one ref', pairs: pairs('rate', runs.eight, runs.bare) }),
    compare({ name, unit: '/s', beside: 'commits on main', pairs: pairs('rate', runs.eight, runs.naive) }),
    compare({
      name: '… the slowest host, of the mean',
      unit: '',
      beside: 'commits on main',
      pairs: pairs('share', runs.eight, runs.naive),
      target: at('at least', 0.5),
    }),
    compare({
      name: '… p99',
      unit: 'ms',
      beside: 'p50',
      pairs: pairs('p99', runs.eight, runs.eight, 'p50'),
      target: at('at most', 3, 'ratio'),
    }),
    compare({
      name: '… main has all, after the last',
      unit: 'ms',
      beside: 'one end, p50',
      pairs: pairs('main', runs.eight, runs.eight, 'p50'),
      target: at('at most', 2_000),
    }),
  ];
}

async function measureOurs(dir, count, span, nodeArgs) {
  const each = Math.ceil(span / 150);
  const remote = await bareWith(join(dir, 'remote.git'), waitingTasks(count * each));
  const far = await overHttp(remote, 50);
  const hosts = [];
  for (let n = 0; n < count; n += 1)
    hosts.push(
      await startExchange(
        { root: emptyRoot(join(dir, `root-${n}`)), url: far.url, host: `bench-000${n}` },
        { nodeArgs },
      ),
    );
  const shares = Array.from({ length: count }, (_, n) =>
    Array.from({ length: each }, (__, k) => ({ name: nameOf(n * each + k), id: idOf(n * each + k) })),
  );
  for (const [n, host] of hosts.entries()) {
    const claims = await host.ask('claimAll', { names: shares[n].map(({ name }) => name) });
    const odd = claims.find(({ kind }) => kind !== 'granted');
    if (odd) throw new Error(`found the answer ${odd.kind} to a claim, expected granted`);
  }
  const text = `${taskText(0)}\n## Result\nScraped 150 articles from 6 feeds.\n`;
  const landed = await Promise.all(
    hosts.map((host, n) =>
      host.ask('finish', { span, tasks: shares[n].map((task) => ({ ...task, text: text.replace(idOf(0), task.id) })) }),
    ),
  );
  const all = landed.flat();
  const last = Math.max(...all.map(({ at }) => at));
  // By when main has every one of them is told by looking at the repository itself.
  const onMain = () => git(remote, 'ls-tree', '--name-only', 'main', 'mailboxes/server/complete/').split('\n').length;
  await until(() => onMain() >= all.length, 60_000, 'main to have every end');
  const main = Math.max(0, clock() - last);
  for (const host of hosts) await host.close();
  await far.close();
  return { ...summary(landed), main };
}

async function measurePlain(dir, how, span) {
  const each = Math.ceil(span / 150);
  const remote = await bareWith(join(dir, 'remote.git'), waitingTasks(HOSTS * each));
  const far = await overHttp(remote, 50);
  const hosts = [];
  for (let n = 0; n < HOSTS; n += 1)
    hosts.push(
      await startPeer('git-claims-process.mjs', { root: join(dir, `clone-${n}`), url: far.url, who: `host-${n}` }),
    );
  if (how === 'bare') await Promise.all(hosts.map((host) => host.ask('prepare', { count: each })));
  const namesOf = (n) => Array.from({ length: each }, (_, k) => nameOf(n * each + k));
  const landed = await Promise.all(
    hosts.map((host, n) =>
      how === 'bare' ? host.ask('bare', { width: 1, span }) : host.ask('naiveFinish', { names: namesOf(n), span }),
    ),
  );
  for (const host of hosts) await host.close();
  await far.close();
  return summary(landed);
}

function summary(landed) {
  const all = landed.flat();
  const from = Math.min(...all.map(({ at, ms }) => at - ms));
  const to = Math.max(...all.map(({ at }) => at));
  const sizes = landed.map((share) => share.length);
  const times = all.map(({ ms }) => ms);
  return {
    rate: (all.length / (to - from)) * 1_000,
    least: Math.min(...sizes),
    most: Math.max(...sizes),
    share: (Math.min(...sizes) * sizes.length) / all.length,
    p50: median(times),
    p99: quantile(times, 0.99),
  };
}
