/**
 * One task on a root with 1,000 and with 100,000 finished messages in twelve month folders: claimed, ended in complete/
 * and on main, with everything that follows from it done, the person's index included; then a file delivered, until
 * main has it. And a daemon at rest on a root with a remote, 1,000 finished messages in it: its processor time and every
 * git it starts, counted by a `git` on its PATH that writes each down, beside one on the same root without a remote.
 */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { startDaemonProcess } from '../support/daemon-child.mjs';
import { compare, median } from '../support/figures.mjs';
import { startExchange } from '../support/exchange-child.mjs';
import { bareWith, git, nameOf, taskText, timeGit, waitingTasks } from '../support/git.mjs';
import { makeRoot } from '../support/place.mjs';

const SPAN = 20_000;

/** @param {import('./index.mjs').RowContext} context */
export async function measureGitSize({ dir, quick, say, nodeArgs }) {
  const many = quick ? 10_000 : 100_000;
  const count = quick ? 5 : 15;
  const changes = async (/** @type {number} */ size) => {
    const run = await measureChanges(join(dir, `size-${size}`), size, count, nodeArgs);
    const [task, delivery, bare] = [run.task, run.delivery, run.bare].map((ms) => ms.toFixed(0));
    say(`${size} finished: a task ${task} ms, a delivery ${delivery} ms, bare push ${bare} ms`);
    return run;
  };
  const small = await changes(1_000);
  const large = await changes(many);
  const rest = await measureRest(join(dir, 'rest'), true, quick);
  const alone = await measureRest(join(dir, 'alone'), false, quick);
  say(
    `at rest: ${rest.cpu.toFixed(2)} % of a core, ${rest.calls} git calls (${rest.looks} looks), without a remote ${alone.cpu.toFixed(2)} %`,
  );
  const atMost = (limit) => /** @type {const} */ ({ of: 'ratio', is: 'at most', limit });
  const beside = 'the same with 1,000';
  const grown = (key) => [{ value: large[key], beside: small[key] }];
  return [
    compare({ name: `one task with ${many} finished`, unit: 'ms', beside, pairs: grown('task'), target: atMost(2) }),
    compare({
      name: `one delivery with ${many} finished`,
      unit: 'ms',
      beside,
      pairs: grown('delivery'),
      target: atMost(2),
    }),
    compare({ name: `… bare push of such a commit, ${many}`, unit: 'ms', beside, pairs: grown('bare') }),
    compare({
      ...{ name: 'git calls at rest', unit: '', beside: 'looks at the remote', target: atMost(1) },
      pairs: [{ value: rest.calls, beside: rest.looks }],
    }),
    compare({
      ...{ name: 'processor time at rest, of a core', unit: '%', beside: 'the same without a remote' },
      pairs: [{ value: rest.cpu, beside: alone.cpu }],
    }),
  ];
}

/** Finished messages of 1.6 KB, each with an id of its own, in twelve months. */
function* finished(count) {
  const filler = 'What moved the market, in a sentence or two, with the numbers.\n'.repeat(20);
  for (let n = 0; n < count; n += 1) {
    const month = String((n % 12) + 1).padStart(2, '0');
    yield/** @type {const} */ ([
      `mailboxes/server/complete/2025-${month}/${nameOf(n)}`,
      `${taskText(1_000_000 + n)}\n## Result\n${filler}`,
    ]);
  }
}

async function measureChanges(dir, count, times, nodeArgs) {
  const files = [...waitingTasks(times + 2), ...finished(count)];
  const url = await bareWith(join(dir, 'remote.git'), files);
  git(url, 'repack', '-adq');
  const root = cloned(url, join(dir, 'root'));
  const host = await startExchange({ root, url, host: 'bench-0001' }, { nodeArgs });
  await host.ask('settled');
  const task = [];
  const delivery = [];
  for (let n = 0; n < times + 2; n += 1) {
    const name = nameOf(n);
    let began = performance.now();
    const { kind, id } = await host.ask('claim', { name });
    if (kind !== 'granted') throw new Error(`found the answer ${kind} to a claim, expected granted`);
    const text = `${taskText(n)}\n## Result\nDone.\n`;
    await host.ask('finishAll', { tasks: [{ name, id, text }] });
    await host.ask('settled');
    const tookTask = performance.now() - began;
    await new Promise((resolve) => setTimeout(resolve, 150));
    began = performance.now();
    const main = await host.ask('main');
    await host.ask('deliver', { mailbox: 'server', name: `new-${n}.md`, text: taskText(5_000 + n) });
    await host.ask('settled');
    if ((await host.ask('main')) === main) throw new Error('found main where it was after a delivery');
    const tookDelivery = performance.now() - began;
    await new Promise((resolve) => setTimeout(resolve, 150));
    if (n < 2) continue;
    task.push(tookTask);
    delivery.push(tookDelivery);
  }
  await host.close();
  const bare = [];
  git(root, 'fetch', '-q', url, 'main');
  let tip = git(root, 'rev-parse', 'FETCH_HEAD');
  for (let n = 0; n < times; n += 1) {
    tip = git(root, 'commit-tree', `${tip}^{tree}`, '-p', tip, '-m', `change ${n}`);
    bare.push(await timeGit(root, ['push', '-q', url, `${tip}:refs/heads/main`]));
  }
  return { task: median(task), delivery: median(delivery), bare: median(bare) };
}

/** A clone in the state in which the exchange leaves one, without writing each file by itself. */
function cloned(url, root) {
  mkdirSync(root, { recursive: true });
  git(root, 'clone', '-q', url, '.');
  mkdirSync(join(root, '.mailboxd'));
  for (const state of ['in_progress', 'failed']) mkdirSync(join(root, 'mailboxes/server', state), { recursive: true });
  git(root, 'update-ref', 'refs/mailboxd/seen/main', 'HEAD');
  git(root, 'update-ref', 'refs/mailboxd/base', 'HEAD^{tree}');
  return root;
}

/** A daemon at rest for a while, ten seconds after its start. */
async function measureRest(dir, hasRemote, quick) {
  const url = await bareWith(join(dir, 'remote.git'), finished(1_000));
  const root = hasRemote ? cloned(url, join(dir, 'root')) : join(dir, 'root');
  makeRoot(root, hasRemote ? { remote: url, poll: '1s' } : {});
  const bin = join(dir, 'bin');
  const log = join(dir, 'calls');
  mkdirSync(bin);
  const real = git(dir, '--exec-path');
  writeFileSync(join(bin, 'git'), `#!/bin/sh\necho "$*" >> '${log}'\nexec '${real}/git' "$@"\n`);
  chmodSync(join(bin, 'git'), 0o755);
  writeFileSync(log, '');
  const daemon = await startDaemonProcess(root, { env: { PATH: `${bin}${delimiter}${process.env.PATH}` } });
  await new Promise((resolve) => setTimeout(resolve, quick ? 5_000 : 10_000));
  const span = quick ? SPAN / 2 : SPAN;
  const callsBefore = readFileSync(log, 'utf8').length;
  const before = busy(daemon.pid);
  await new Promise((resolve) => setTimeout(resolve, span));
  const cpu = ((busy(daemon.pid) - before) / span) * 100;
  const calls = readFileSync(log, 'utf8').slice(callsBefore).split('\n').filter(Boolean);
  await daemon.stop();
  const looks = calls.filter((line) => /\b(fetch|ls-remote)\b/.test(line)).length;
  return { cpu, calls: calls.length, looks, lines: calls };
}

/** Processor time of a process and of its children that have ended, ms. */
function busy(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * 10;
}
