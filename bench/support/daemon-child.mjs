/** Starts a daemon process (daemon-process.mjs), asks it, and listens to it. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('daemon-process.mjs', import.meta.url));

/** ms since 1970 with its fraction, comparable between the processes of one machine. */
export const now = () => performance.timeOrigin + performance.now();

/**
 * @typedef {{ type: string, id?: string, name?: string, at: number, message?: string, text?: string }} Told
 * @typedef {Awaited<ReturnType<typeof startDaemonProcess>>} DaemonProcess
 */

/**
 * @param {string} root
 * @param {{ env?: Record<string, string>, nodeArgs?: string[], onEvent?: (event: Told) => void, events?: string[] }} [options] `events`: what it tells besides trouble; telling costs it time
 */
export async function startDaemonProcess(root, { env, nodeArgs = [], onEvent, events = ['claimed', 'finished'] } = {}) {
  const child = fork(program, [root, ...events], {
    env: { ...process.env, ...env },
    execArgv: nodeArgs,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  let asked = 0;
  /** @type {Map<number, (answer: any) => void>} */
  const open = new Map();
  /** @type {(ms: number) => void} */
  let ready = () => undefined;
  /** @type {Promise<number>} how long its start took, ms */
  const started = new Promise((resolve, reject) => {
    ready = resolve;
    child.once('exit', (code) => reject(new Error(`the daemon ended with ${code} while it started`)));
  });
  child.on('message', (/** @type {any} */ said) => {
    if (said.ready !== undefined) ready(said.ready);
    else if (said.events) for (const event of said.events) take(event);
    else open.get(said.n)?.(said.answer);
  });
  const take = (/** @type {Told} */ event) => {
    if (event.type === 'trouble' || event.type === 'parked') process.stderr.write(`  daemon: ${event.message}\n`);
    onEvent?.(event);
  };
  const startMs = await started;
  return {
    pid: /** @type {number} */ (child.pid),
    startMs,
    /**
     * @param {string} question
     * @param {number} [argument]
     * @returns {Promise<any>}
     */
    ask(question, argument) {
      const n = ++asked;
      const answer = new Promise((resolve) => open.set(n, resolve));
      child.send({ n, question, argument });
      return answer;
    },
    async stop() {
      if (child.exitCode !== null) return;
      const ended = once(child, 'exit');
      child.send({ n: ++asked, question: 'stop' });
      await ended;
    },
  };
}
