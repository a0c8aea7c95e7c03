/**
 * The rows of the bench, in the order of the table. A new one is a file and a line here.
 *
 * @typedef {object} RowContext
 * @property {string} dir a new directory of the row's own
 * @property {boolean} quick fewer repetitions
 * @property {string[]} nodeArgs arguments of Node for daemon processes
 * @property {(line: string) => void} say progress, on stderr
 *
 * @typedef {object} Row
 * @property {string} title
 * @property {readonly ('nq' | 'task-spooler' | 'redis-server')[]} [packages] of Debian
 * @property {boolean} [cli] needs the Claude CLI
 * @property {() => Promise<(context: RowContext) => Promise<import('../support/figures.mjs').Figure[]>>} load
 */

/** @type {Record<string, Row>} */
export const ROWS = {
  throughput: {
    title: 'Send → complete, durable, an instant runner',
    packages: ['nq', 'task-spooler', 'redis-server'],
    load: async () => (await import('./throughput.mjs')).measureThroughput,
  },
};
