// `npm run demo:machines`: a laptop and two servers over one remote, on this machine, in under a minute. A task is sent,
// claimed by one server and followed from the laptop; that server is killed in the middle, the other one takes the task
// over, and its result is read on the laptop. No network, no account: folders in a scratch directory, a bare repository
// and a small shell script as the runner. Ends with `demo: ok in N s` and status 0, else with what went wrong and 1.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { begin, elapsed, finish, note, said, scene, shown, typed } from './demo/story.mjs';

const checkout = fileURLToPath(new URL('..', import.meta.url));
const main = join(checkout, 'dist', 'cli', 'main.js');
const SERVERS = ['server-1', 'server-2'];
const LEASE = 5;
const STEPS = 12;
/** What a server does with a task. It notes its process, so that its end can be seen. */
const WORK = `read -r task
echo $$ >"$HOME/runner"
echo "I am $WHERE, process $$. I was asked: $task"
echo
for step in $(seq ${STEPS}); do
  sleep 0.6
  echo "- $WHERE counts $step"
done
echo
echo "**$WHERE** counted to ${STEPS}."
`;

/** @type {import('node:child_process').ChildProcess[]} */
const children = [];
const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'mailboxd-demo-')));
let isOver = false;

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => void end(signal === 'SIGINT' ? 130 : 1, `broken off by ${signal}`));
}
const tooLong = setTimeout(() => void end(1, 'it took more than two minutes'), 120_000);
tooLong.unref();

try {
  await play();
  await end(0);
} catch (error) {
  await end(1, error instanceof Error ? error.message : String(error));
}

async function play() {
  if (!existsSync(main)) {
    const { status } = spawnSync(process.execPath, [join(checkout, 'scripts', 'build.mjs')], { stdio: 'inherit' });
    if (status !== 0) throw new Error('dist/ could not be built');
  }
  begin(
    'A laptop and two servers, and a git repository between them.',
    `All on this machine, in ${scratch}; no network, no account.`,
  );

  scene('The remote, and three machines that join it');
  typed('anywhere', 'git init --bare remote.git');
  run(['git', 'init', '-q', '--bare', '-b', 'main', 'remote.git'], scratch);
  for (const host of ['laptop', ...SERVERS]) joinRemote(host);

  scene('Each runs its daemon; both servers work off the mailbox “server”');
  const daemons = new Map(['laptop', ...SERVERS].map((host) => [host, startDaemon(host)]));
  for (const { isServing } of daemons.values()) await isServing;

  scene('The laptop sends a task');
  const text = `Count to ${STEPS}, slowly.`;
  typed('laptop', `mailboxd send server "${text}"`);
  const id = mailboxd('laptop', 'send', 'server', text).trim();
  said('laptop', id);

  const first = await until('a server to claim the task', () => SERVERS.find((host) => runnerOf(host)));
  const second = SERVERS.find((host) => host !== first) ?? '';
  const runner = runnerOf(first) ?? 0;
  scene(`${first} has won the claim and runs it (process ${runner}); ${second} leaves it alone`);

  scene('The laptop follows it, live');
  typed('laptop', `mailboxd tail ${id.slice(0, 13)}`);
  const tail = follow(id);
  await until(`the laptop to see ${first} count`, () => tail.seen.some((line) => line.includes(`${first} counts 3`)));

  const victim = daemons.get(first)?.child;
  scene(`${first} is killed in the middle`);
  typed(first, `kill -9 ${victim?.pid}`);
  victim?.kill('SIGKILL');
  await until('the runner to end', () => !isAlive(runner));
  note(`its daemon and its runner are gone. ${second} waits until the claim has not been renewed for ${LEASE} s …`);
  await until(`${second} to take it over`, () => runnerOf(second));
  scene(`${second} has taken it over, and begins anew`);

  const ending = await tail.end;
  if (ending !== 0) throw new Error(`mailboxd tail ended with ${ending}`);
  if (!tail.seen.some((line) => line.includes(`${second} counts`)))
    throw new Error(`the laptop's tail did not show the output of ${second}`);

  scene('The result is a file on the laptop; any editor opens it');
  const path = await until('the result on the laptop', () => findFile(id));
  typed('laptop', `cat ${path}`);
  const file = readFileSync(join(scratch, 'laptop', path), 'utf8');
  shown(file);
  check(file, second);
}

/** @param {string} file @param {string} second */
function check(file, second) {
  if (!file.includes(`**${second}** counted to ${STEPS}.`)) throw new Error(`found no result of ${second} in the file`);
  if (!/^crashes: 1$/m.test(file)) throw new Error('found no `crashes: 1` in the file');
  const waiting = ['inbox', 'in_progress'].flatMap((state) =>
    readdirSync(join(scratch, 'laptop', 'mailboxes', 'server', state)).filter((name) => name.endsWith('.md')),
  );
  if (waiting.length > 0) throw new Error(`found the task a second time, as ${waiting.join(', ')}`);
}

/** Makes a root that is named after its machine, has a short lease, and joins the remote. @param {string} host */
function joinRemote(host) {
  const as = host === 'laptop' ? 'laptop' : 'server';
  mkdirSync(join(scratch, 'home', host), { recursive: true });
  mailboxd(host, 'init', '.', '--as', as, '--runner', 'command');
  const path = join(scratch, host, '.mailboxd', 'config.yaml');
  const config = readFileSync(path, 'utf8')
    // On machines of their own they would have names of their own.
    .replace(/^host: ".*-/m, `host: "${host}-`)
    .replace(/^ {4}#argv:.*$/m, () => `    argv: ${JSON.stringify(['sh', '-c', WORK])}`)
    .replace(/^( {4})#env: \{\}(?=\n {2}# A stand-in)/m, `$1env: { WHERE: ${host} }`)
    .replace(/^#lease: .*$/m, `lease: ${LEASE}s`)
    .replace(/^#poll: .*$/m, 'poll: 500ms')
    .replace(/^#grace: .*$/m, 'grace: 1s');
  writeFileSync(path, config, { mode: 0o600 });
  typed(host, `mailboxd init --remote ../remote.git --as ${as}`);
  const printed = mailboxd(host, 'init', '.', '--remote', '../remote.git', '--as', as);
  const joined = printed.split('\n').find((line) => line.startsWith('joined'));
  if (joined !== undefined) said(host, joined.replaceAll(scratch, '..'));
}

/** @param {string} host */
function startDaemon(host) {
  typed(host, 'mailboxd start');
  const child = launch(host, ['start']);
  const log = { text: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (/** @type {string} */ part) => {
      log.text += part;
    });
  }
  return {
    child,
    isServing: until(
      `${host} to serve`,
      () => log.text.includes('Ctrl-C stops'),
      () => log.text,
    ),
  };
}

/** `mailboxd tail` on the laptop, shown as it comes. @param {string} id */
function follow(id) {
  const child = launch('laptop', ['tail', id]);
  /** @type {string[]} */
  const seen = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on('line', (line) => {
      seen.push(line);
      if (line.trim() !== '') said('laptop', line);
    });
  }
  return { seen, end: once(child, 'close').then(([status]) => status) };
}

/** The runner's process on this host, once there is one. @param {string} host */
function runnerOf(host) {
  const path = join(scratch, 'home', host, 'runner');
  const pid = existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0;
  return pid > 0 ? pid : undefined;
}

/** The finished message on the laptop, from its root. @param {string} id */
function findFile(id) {
  const folder = join('mailboxes', 'server', 'complete');
  const names = readdirSync(join(scratch, 'laptop', folder)).filter((name) => name.endsWith('.md'));
  const found = names.find((name) => readFileSync(join(scratch, 'laptop', folder, name), 'utf8').includes(id));
  return found && join(folder, found);
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    // One that has ended and was not yet waited for.
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return true;
  }
}

/** Nothing of this machine's but where programs are. @param {string} host */
function environment(host) {
  return {
    PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
    HOME: join(scratch, 'home', host),
    LC_ALL: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
  };
}

/** @param {string} host @param {string[]} args */
function launch(host, args) {
  const child = spawn(process.execPath, [main, ...args], {
    cwd: join(scratch, host),
    env: environment(host),
    stdio: ['ignore', 'pipe', 'pipe'],
    // Out of reach of a Ctrl-C: the end of the demo ends it.
    detached: true,
  });
  children.push(child);
  return child;
}

/** @param {string} host @param {string[]} args */
function mailboxd(host, ...args) {
  const cwd = join(scratch, host);
  mkdirSync(cwd, { recursive: true });
  return run([process.execPath, main, ...args], cwd, environment(host));
}

/** @param {string[]} argv @param {string} cwd */
function run([program = '', ...args], cwd, env = environment('laptop')) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, env, encoding: 'utf8', timeout: 30_000 });
  if (status === 0) return stdout;
  throw new Error(
    `${[program === process.execPath ? 'node' : program, ...args].join(' ')} ended with ${status}:\n${stderr}`,
  );
}

/**
 * @template T
 * @param {string} what
 * @param {() => T} condition
 * @param {() => string} [more] what to say besides, when it never comes
 * @returns {Promise<NonNullable<T>>}
 */
async function until(what, condition, more = () => '') {
  const deadline = performance.now() + 40_000;
  for (;;) {
    const found = condition();
    if (found) return found;
    if (performance.now() > deadline) throw new Error(`waited 40 s in vain for ${what}\n${more()}`);
    await sleep(20);
  }
}

/** Ends and removes everything that was made. @param {number} status @param {string} [why] */
async function end(status, why) {
  if (isOver) return;
  const runners = SERVERS.map(runnerOf).filter((pid) => pid !== undefined);
  finish(status === 0, why ?? `ok in ${elapsed()} s`);
  isOver = true;
  for (const { pid, exitCode, signalCode } of children) {
    if (pid === undefined || exitCode !== null || signalCode !== null) continue;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has just ended.
    }
  }
  // The watchdogs end what the killed daemons ran.
  const deadline = performance.now() + 5_000;
  while (runners.some(isAlive) && performance.now() < deadline) await sleep(20);
  rmSync(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  process.exit(status);
}
