/**
 * One round: hosts that share nothing but a remote, people and faults for a while, then healing, quiet, and judgement.
 * The seed fixes who is there, what is done and what goes wrong; what coincides with what is up to the machine.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { createRandom } from '../faults/campaign/random.mjs';
import { serveGitOverHttp } from '../support/remotes/git-http-server.mjs';
import { TcpProxy } from '../support/remotes/tcp-proxy.mjs';
import { endings } from './endings.mjs';
import { FAULTS, processesIn } from './faults.mjs';
import { git, GIT_ENV } from './git.mjs';
import { Host, SENDERS, SERVED } from './host.mjs';
import { judge, whyBusy } from './judge.mjs';
import { People } from './people.mjs';
import { signalQuietly } from './processes.mjs';
import { dropClaims, sabotageWorld } from './sabotage.mjs';

/** How long it may take until all is quiet, ms. */
const REST = 90_000;

/**
 * @param {{ dir: string, seed: number, round: number, seconds: number, workers?: number, program: string,
 *   only?: string[], sabotage?: string, log?: (line: string) => void }} options `program`: main.js of the CLI;
 *   `only`: faults by name; `sabotage`: a rule the harness breaks (sabotage.mjs)
 */
export async function runRound({ dir, seed, round, seconds, workers, program, only, sabotage, log = () => undefined }) {
  const random = createRandom(seed * 1_000 + round);
  const people = new People(random);
  const world = await build({ dir, random, people, round, workers, program });
  const { hosts } = world;
  /** @type {Record<string, number>} */
  const counts = {};
  /** @type {import('./judge.mjs').FaultTime[]} */
  const times = hosts.flatMap(({ name, clock }) =>
    clock === 0 ? [] : [{ host: name, kind: 'a clock that is wrong', from: 0, to: 0 }],
  );
  const began = performance.now();
  const took = () => ((performance.now() - began) / 1_000).toFixed(1);
  const details = `${hosts.map(({ name, runner, clock }) => `${name} (${runner}${clock ? `, clock ${clock / 1000} s off` : ''})`).join(', ')} over ${world.server ? 'http' : 'a path'}`;
  log(`round ${round}: ${details}`);
  const violations = [];
  try {
    for (const host of hosts) host.start();
    await chaos({ ...world, random, people, seconds, only, sabotage, counts, times, log });
    people.note('--- healing');
    if (existsSync(`${world.remote}.away`)) renameSync(`${world.remote}.away`, world.remote);
    for (const host of hosts) host.start();
    const busy = await rest(world);
    if (busy !== undefined) violations.push(`not quiet after ${REST / 1000} s: ${busy}`);
    log(`  ${took()} s: ${busy === undefined ? 'quiet' : busy}`);
    const evidence = await evidenceOf(world, program, people, times);
    if (busy === undefined && !sabotage) {
      const ending = random.pick(Object.keys(endings));
      if (random.below(2) === 0) {
        counts[ending] = 1;
        people.note(`--- ${ending}`);
        violations.push(...((await endings[ending]?.({ ...world, people, rest: () => rest(world) })) ?? []));
        log(`  ${took()} s: ${ending}`);
      }
    }
    for (const host of hosts)
      if (!(await host.stop())) {
        const children = host.children.join('; ') || 'none';
        violations.push(`the daemon of ${host.name} did not end when it was told to; its children: ${children}`);
      }
    for (const { surprises } of hosts) violations.push(...surprises);
    const left = processesIn(dir);
    for (const { pid, command } of left) violations.push(`left running: ${pid} ${command.slice(0, 100)}`);
    if (sabotage) sabotageWorld(sabotage, world, people);
    const judgement = judge(evidence);
    violations.push(...judgement.violations);
    log(`  ${took()} s: judged`);
    return { ...judgement, violations, deeds: people.counts, faults: counts, details, seconds: Number(took()) };
  } finally {
    writeFileSync(join(dir, 'trace.log'), `${people.trace.join('\n')}\n`);
    await takeDown(world, dir, violations.length > 0);
  }
}

/** A remote with a little history, workers and senders. */
async function build({ dir, random, people, round, workers = 2 + random.below(4), program }) {
  const remote = join(dir, 'remote.git');
  mkdirSync(remote, { recursive: true });
  git(remote, 'init', '-q', '--bare', '-b', 'main');
  git(remote, 'config', 'http.receivepack', 'true');
  const first = join(dir, 'first');
  mkdirSync(join(first, 'templates'), { recursive: true });
  git(first, 'init', '-q', '-b', 'main');
  for (const n of [1, 2, 3]) {
    writeFileSync(join(first, 'templates/note.md'), `# Note ${n}\n`);
    git(first, 'add', '-A');
    git(first, 'commit', '-q', '-m', `Note ${n}`);
  }
  git(first, 'push', '-q', remote, 'main:main');
  const isHttp = round % 2 === 0;
  const env = { ...GIT_ENV, HOME: dir };
  const server = isHttp ? await serveGitOverHttp({ dir: remote, env }) : undefined;
  /** @type {Host[]} */
  const hosts = [];
  const names = [...Array.from({ length: workers }, (_, n) => `worker${n + 1}`), ...SENDERS];
  const [small, shallow, wrong] = [random.below(workers), random.below(workers), random.below(workers + 2)];
  for (const [n, name] of names.entries()) {
    const proxy = server && (await new TcpProxy({ port: server.port }, { seed: n + 1 }).listen());
    const host = new Host({
      ...{ dir, name, program, proxy, url: proxy && server ? proxy.url(server.url) : remote },
      serve: n < workers ? SERVED : [name],
      runner: n < workers && n % 3 === 2 ? 'simulator' : 'command',
      clock: n === wrong ? random.pick([-240_000, 180_000]) : 0,
      origin: remote,
      isShallow: n === shallow,
    });
    if (n === small) mountSmall(host);
    host.make();
    hosts.push(host);
  }
  return { remote, server, hosts, people };
}

/** A disk of few MiB below the root. @param {Host} host */
function mountSmall(host) {
  mkdirSync(host.root, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'chaos', host.root], { stdio: 'pipe' });
    host.isSmall = true;
  } catch (error) {
    console.log(`  no disk can be full here, for nothing can be mounted: ${String(error.message).split('\n').at(-1)}`);
  }
}

/** Deeds and faults until the time is over. */
async function chaos(world) {
  const { hosts, random, people, seconds, only, sabotage, counts, times, log } = world;
  const over = new AbortController();
  const until = performance.now() + seconds * 1_000;
  const underWay = new Set();
  if (sabotage === 'claims') underWay.add(dropClaims(world.remote, over.signal));
  /** Hosts with a fault now, so that each is one at a time. */
  const troubled = new Set();
  const names = Object.keys(FAULTS).filter((name) => !only || only.some((part) => name.includes(part)));
  let bag = random.shuffle(names);
  const strike = () => {
    const free = hosts.filter((host) => !troubled.has(host));
    if (bag.length === 0) bag = random.shuffle(names);
    const kind = bag.pop();
    const fault = FAULTS[kind ?? ''];
    const host = random.pick(free.filter((one) => !fault?.needs || fault.needs(one, world)));
    if (!host || !fault) return;
    troubled.add(host);
    const from = Date.now();
    people.note(`fault: ${kind} on ${host.name}`);
    const task = fault
      .run(host, { ...world, signal: over.signal })
      .then((done) => {
        if (done !== false) counts[kind ?? ''] = (counts[kind ?? ''] ?? 0) + 1;
        const isAll = kind === 'a remote that is away' || kind?.includes('answer') || kind?.includes('server');
        for (const one of isAll ? hosts : [host]) times.push({ host: one.name, kind, from, to: Date.now() });
        people.note(`over: ${kind} on ${host.name}${done === false ? ' (came to nothing)' : ''}`);
      })
      .catch((error) => log(`  ${kind} on ${host.name}: ${error.message}`))
      .finally(() => {
        troubled.delete(host);
        underWay.delete(task);
      });
    underWay.add(task);
  };
  let nextFault = performance.now() + 2_000;
  while (performance.now() < until) {
    await sleep(80 + random.below(250));
    const host = random.pick(hosts);
    const deed = random.below(20);
    if (deed < 8) people.drop(host);
    else if (deed < 12) people.edit(host);
    else if (deed < 14) people.move(host);
    else if (deed < 15) people.delete(host);
    else if (deed < 16) people.dropSameName(host, random.pick(hosts.filter((one) => one !== host)));
    else if (deed < 18 && !troubled.has(host)) {
      troubled.add(host);
      const task = people.byHand(host).finally(() => {
        troubled.delete(host);
        underWay.delete(task);
      });
      underWay.add(task);
    }
    if (performance.now() > nextFault) {
      if (names.length > 0) strike();
      nextFault = performance.now() + 400 + random.below(900);
    }
  }
  over.abort();
  await Promise.all(underWay);
}

/** Until all is quiet, and stays so for a moment; what was still going on when the time is over. */
async function rest(world) {
  const until = performance.now() + REST;
  let calm = 0;
  let busy;
  while (performance.now() < until) {
    try {
      busy = whyBusy(world);
    } catch (error) {
      busy = error.message; // a folder that changes while it is read
    }
    calm = busy === undefined ? calm + 1 : 0;
    if (calm >= 4) return undefined;
    await sleep(500);
  }
  return busy;
}

async function evidenceOf({ remote, hosts }, program, people, times) {
  const { parseMessage } = await import(pathToFileURL(join(program, '../../format/message.js')).href);
  const parse = (bytes) => parseMessage(bytes, '', { trustFields: true });
  return { remote, hosts, people, times, parse };
}

async function takeDown({ hosts, server }, dir, isKept) {
  for (const host of hosts) {
    host.signal('SIGCONT');
    await host.kill();
    await host.proxy?.close();
  }
  await server?.close();
  for (const { pid } of processesIn(dir)) signalQuietly(pid, 'SIGKILL');
  for (const host of hosts) {
    if (!host.isSmall) continue;
    if (isKept) cpSync(host.root, `${host.root}-copy`, { recursive: true, verbatimSymlinks: true });
    execFileSync('umount', ['-l', host.root], { stdio: 'pipe' });
    if (isKept) {
      rmSync(host.root, { recursive: true, force: true });
      renameSync(`${host.root}-copy`, host.root);
    }
  }
}
