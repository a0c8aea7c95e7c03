/**
 * The rows of the bench, in the order of the table. A new one is a file and a line here.
 *
 * @typedef {object} RowContext
 * @property {string} dir a new directory of the row's own
 * @property {boolean} quick fewer repetitions
 * @property {string[]} nodeArgs arguments of Node for daemon processes
 * @property {string} cli the Claude CLI's program, for rows that need it
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
  claim: {
    title: 'From a rename into the inbox to the claim',
    load: async () => (await import('./claim.mjs')).measureClaim,
  },
  throughput: {
    title: 'Send → complete, durable, an instant runner',
    packages: ['nq', 'task-spooler', 'redis-server'],
    load: async () => (await import('./throughput.mjs')).measureThroughput,
  },
  command: {
    title: 'A task through the command runner',
    load: async () => (await import('./command.mjs')).measureCommand,
  },
  stall: {
    title: 'A stall of 3 s, 20,000 files renamed into two inboxes',
    load: async () => (await import('./stall.mjs')).measureStall,
  },
  claude: {
    title: 'A task through the real CLI, the API a stub',
    cli: true,
    load: async () => (await import('./claude.mjs')).measureClaude,
  },
  index: {
    title: '100,000 finished messages',
    load: async () => (await import('./index-size.mjs')).measureIndex,
  },
  stream: {
    title: '20 tasks streaming 200 events a second each',
    load: async () => (await import('./stream.mjs')).measureStream,
  },
};
