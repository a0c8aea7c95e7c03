/**
 * One hop: a file is delivered in a folder of host A, until it can be read in the same folder of host B. Each is the
 * exchange in a process of its own. Over a path both watch the remote, so that notice is instant; over HTTP B asks the
 * remote every 1 s at the latest, and half a poll is waited on average. The floor is plain git: a push of one commit from one
 * clone and the fetch of it into another, one after the other. Then 100 files delivered at once, until B has the last.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { compare, median } from '../support/figures.mjs';
import { startExchange } from '../support/exchange-child.mjs';
import { bareWith, cloneOf, emptyRoot, git, overHttp, taskText, timeGit, waitingTasks } from '../support/git.mjs';
import { until } from '../support/until.mjs';

const POLL = 1_000;
const clock = () => performance.timeOrigin + performance.now();

/** @param {import('./index.mjs').RowContext} context */
export async function measureGitHop({ dir, quick, say, nodeArgs }) {
  const repetitions = quick ? 1 : 3;
  const runs = { path: [], http: [] };
  for (let n = 0; n < repetitions; n += 1) {
    for (const kind of ['path', 'http']) {
      const run = await measureOnce(join(dir, `${kind}-${n}`), kind, quick ? 10 : 25, nodeArgs);
      runs[kind].push(run);
      say(
        `${n + 1} of ${repetitions}, ${kind}: hop ${run.hop.toFixed(0)} ms, bare push + fetch ${run.bare.toFixed(0)} ms, 100 at once ${run.hundred.toFixed(0)} ms`,
      );
    }
  }
  const beside = 'bare push + fetch';
  const hundred = runs.path.map((run) => ({ value: run.hundred, beside: run.hop }));
  const at = (limit) => /** @type {const} */ ({ of: 'ratio', is: 'at most', limit });
  return [
    compare({
      ...{ name: 'one hop, path, watched', unit: 'ms', beside, target: at(1.3) },
      pairs: runs.path.map(({ hop, bare }) => ({ value: hop, beside: bare })),
    }),
    compare({
      ...{
        name: 'one hop, http, polled each 1 s',
        unit: 'ms',
        beside: 'the poll, and bare push + fetch',
        target: at(1),
      },
      pairs: runs.http.map(({ hop, bare }) => ({ value: hop, beside: POLL + bare })),
    }),
    compare({ name: '100 messages at once, path', unit: 'ms', beside: 'one hop', pairs: hundred, target: at(3) }),
  ];
}

async function measureOnce(dir, kind, count, nodeArgs) {
  const remote = await bareWith(join(dir, 'remote.git'), waitingTasks(20));
  const served = kind === 'http' ? await overHttp(remote) : undefined;
  const url = served?.url ?? remote;
  const options = (n) => ({
    root: emptyRoot(join(dir, `root-${n}`), ['server', 'laptop']),
    url,
    host: `bench-000${n}`,
    poll: POLL,
  });
  const a = await startExchange(options(1), { nodeArgs });
  const b = await startExchange(options(2), { nodeArgs });
  const inbox = join(dir, 'root-2/mailboxes/laptop/inbox');
  const hop = async (name, n) => {
    const at = await a.ask('deliver', { mailbox: 'laptop', name, text: taskText(1_000 + n) });
    await until(() => existsSync(join(inbox, name)), 30_000, `${name} on the other host`);
    return clock() - at;
  };
  const rest = () => new Promise((resolve) => setTimeout(resolve, 300 + Math.random() * 400));
  const hops = [];
  for (let n = 0; n < count + 2; n += 1) {
    const ms = await hop(`hop-${n}.md`, n);
    if (n >= 2) hops.push(ms);
    await rest();
  }
  const names = Array.from({ length: 100 }, (_, n) => `many-${n}.md`);
  const begun = clock();
  await Promise.all(names.map((name, n) => a.ask('deliver', { mailbox: 'laptop', name, text: taskText(2_000 + n) })));
  await until(() => names.every((name) => existsSync(join(inbox, name))), 30_000, 'the last of 100 files');
  const hundred = clock() - begun;
  await a.close();
  await b.close();
  const bare = await measureBare(dir, remote, url, count);
  await served?.close();
  return { hop: median(hops), bare, hundred };
}

/** A commit made beforehand, pushed from one clone, fetched into another. */
async function measureBare(dir, remote, url, count) {
  const from = cloneOf(remote, join(dir, 'from'));
  const to = cloneOf(remote, join(dir, 'to'));
  const times = [];
  for (let n = 0; n < count; n += 1) {
    const commit = git(from, 'commit-tree', 'HEAD^{tree}', '-p', 'HEAD', '-m', `change ${n}`);
    git(from, 'reset', '-q', '--soft', commit);
    const push = await timeGit(from, ['push', '-q', url, `${commit}:refs/heads/main`]);
    times.push(push + (await timeGit(to, ['fetch', '-q', '--no-tags', url, 'main'])));
  }
  return median(times);
}
