/** One host of a round: a root with a configuration of its own, and the daemon that serves it, as a process. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { git, GIT_ENV } from './git.mjs';
import { descendants, signalQuietly } from './processes.mjs';

export const STATES = ['inbox', 'in_progress', 'complete', 'failed'];
/** Mailboxes that the workers serve, and those of the people who send. */
export const SERVED = ['work', 'more'];
export const SENDERS = ['alice', 'bob'];
/** ms. */
export const LEASE = 3_000;

const TASK = fileURLToPath(new URL('task.sh', import.meta.url));
const CLOCK = new URL('clock.mjs', import.meta.url).href;

export class Host {
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #child;
  #ended = Promise.resolve();
  isStopped = false;
  /** Of a daemon that did not end: what it had started. @type {string[]} */
  children = [];
  /** Its disk is small, and may be full. */
  isSmall = false;
  /** How a daemon ended that nobody had killed. @type {string[]} */
  surprises = [];

  /**
   * @param {{ dir: string, name: string, url: string, program: string, serve: string[], runner?: string,
   *   clock?: number, origin: string, isShallow?: boolean, proxy?: any }} options `dir`: of the round; `program`: main.js
   *   of the CLI; `clock`: how wrong it is, ms; `origin`: the repository that the root begins as a clone of
   */
  constructor({ dir, name, url, program, serve, runner = 'command', clock = 0, origin, isShallow = false, proxy }) {
    this.name = name;
    this.url = url;
    this.serve = serve;
    this.runner = runner;
    this.clock = clock;
    this.origin = origin;
    this.isShallow = isShallow;
    this.proxy = proxy;
    this.program = program;
    this.root = join(dir, name);
    this.effects = join(dir, 'effects', `${name}.log`);
    this.output = join(dir, 'output', `${name}.log`);
    this.home = join(dir, 'homes', name);
    for (const made of [join(dir, 'effects'), join(dir, 'output'), this.home]) mkdirSync(made, { recursive: true });
  }

  get isWorker() {
    return !SENDERS.includes(this.serve[0] ?? '');
  }

  /** Makes the root's folders, repository and configuration. */
  make() {
    git(this.home, 'clone', '-q', ...(this.isShallow ? ['--depth', '1'] : []), `file://${this.origin}`, this.root);
    mkdirSync(join(this.root, '.mailboxd'), { recursive: true });
    for (const mailbox of [...SERVED, ...SENDERS])
      for (const state of STATES) mkdirSync(join(this.root, 'mailboxes', mailbox, state), { recursive: true });
    const key = createHash('sha256').update(this.root).digest('base64url');
    const task = { argv: [TASK], env: { EFFECTS: this.effects, CHAOS_HOST: this.name } };
    const config = {
      ...{ host: `${this.name}-0a`, key, as: this.serve[0], serve: this.serve, remote: this.url },
      ...{ lease: `${LEASE}ms`, poll: '500ms', heartbeat: '5s', settle: '100ms', retry_delay: '300ms', grace: '2s' },
      limits: { concurrency: 2, host_concurrency: 3, max_crashes: 60, max_attempts: 3 },
      ...{ runner: this.runner, runners: { command: task, simulator: { duration: '400ms' } } },
    };
    writeFileSync(join(this.root, '.mailboxd/config.yaml'), `${JSON.stringify(config, null, 1)}\n`, { mode: 0o600 });
  }

  get pid() {
    return this.isRunning ? this.#child?.pid : undefined;
  }

  get isRunning() {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  start() {
    if (this.isRunning) return;
    const log = openSync(this.output, 'a');
    const child = spawn(
      process.execPath,
      [...(this.clock === 0 ? [] : ['--import', CLOCK]), this.program, 'start', '--root', this.root],
      {
        cwd: this.root,
        env: { ...GIT_ENV, HOME: this.home, TMPDIR: this.home, CHAOS_CLOCK: String(this.clock) },
        stdio: ['ignore', log, log],
      },
    );
    closeSync(log);
    this.#child = child;
    let isOurs = false;
    this.expectEnd = () => {
      isOurs = true;
    };
    this.#ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        if (!isOurs) this.surprises.push(`the daemon of ${this.name} ended by itself with ${code ?? signal}`);
        resolve(undefined);
      });
    });
  }

  /** @type {() => void} */
  expectEnd = () => undefined;

  async kill() {
    if (!this.isRunning) return;
    this.expectEnd();
    this.#child?.kill('SIGKILL');
    this.isStopped = false;
    await this.#ended;
  }

  /** Ends it in good order; by force when that takes longer than `limit` ms, which is false then. */
  async stop(limit = 20_000) {
    if (!this.isRunning) return true;
    this.expectEnd();
    const child = this.#child;
    child?.kill('SIGTERM');
    let isForced = false;
    const timer = setTimeout(() => {
      isForced = true;
      this.children = descendants(child?.pid ?? 0).map(({ command }) => command.slice(-120));
      child?.kill('SIGKILL');
    }, limit);
    await this.#ended;
    clearTimeout(timer);
    return !isForced;
  }

  /** @param {'SIGSTOP' | 'SIGCONT'} signal */
  signal(signal) {
    if (this.pid !== undefined) signalQuietly(this.pid, signal);
    this.isStopped = signal === 'SIGSTOP';
  }

  /** Processes of the tasks that run here. */
  runners() {
    return this.pid === undefined ? [] : descendants(this.pid).filter(({ command }) => command.includes(TASK));
  }

  /** What the exchange last said of itself. */
  status() {
    try {
      return JSON.parse(readFileSync(join(this.root, '.mailboxd/git/status.json'), 'utf8'));
    } catch {
      return undefined;
    }
  }
}
