/** Starts a process that does one thing for a row (the exchange of a root, plain git), and asks it. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/**
 * @param {string} program a file of bench/peers
 * @param {Record<string, unknown>} options
 * @param {{ nodeArgs?: string[], env?: Record<string, string> }} [how]
 */
export async function startPeer(program, options, { nodeArgs = [], env = {} } = {}) {
  const path = fileURLToPath(new URL(`../peers/${program}`, import.meta.url));
  const child = fork(path, [JSON.stringify(options)], {
    env: { ...process.env, ...env },
    execArgv: nodeArgs,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  /** @type {Map<number, { resolve: (answer: any) => void, reject: (error: Error) => void }>} */
  const open = new Map();
  let asked = 0;
  const ended = once(child, 'exit');
  await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${program} ended with ${code} while it started`)));
    child.on('message', (/** @type {any} */ said) => {
      if (said.problem) reject(new Error(`${program}: ${said.problem.message}`));
      if (said.ready) resolve(undefined);
      else if (said.error) open.get(said.n)?.reject(new Error(said.error));
      else open.get(said.n)?.resolve(said.answer);
      open.delete(said.n);
    });
  });
  child.once('exit', (code) => {
    for (const { reject } of open.values()) reject(new Error(`${program} ended with ${code}`));
  });
  return {
    pid: /** @type {number} */ (child.pid),
    /**
     * @param {string} work
     * @param {Record<string, unknown>} [parts]
     * @returns {Promise<any>}
     */
    ask(work, parts = {}) {
      const n = asked++;
      return new Promise((resolve, reject) => {
        open.set(n, { resolve, reject });
        child.send({ n, work, ...parts });
      });
    },
    async close() {
      await this.ask('close');
      await ended;
    },
  };
}

/** @param {Record<string, unknown>} options root, url, host; lease and poll in ms */
export const startExchange = (options, how = {}) => startPeer('exchange-process.mjs', options, how);
