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
  'git-claim': {
    title: 'A claim on a remote',
    load: async () => (await import('./git-claim.mjs')).measureGitClaim,
  },
  'git-workers': {
    title: 'Workers on one mailbox with 200 waiting tasks',
    load: async () => (await import('./git-workers.mjs')).measureGitWorkers,
  },
  'git-finish': {
    title: '8 hosts finish tasks over a remote 100 ms away',
    load: async () => (await import('./git-finish.mjs')).measureGitFinish,
  },
  'git-hop': {
    title: 'From host to host',
    load: async () => (await import('./git-hop.mjs')).measureGitHop,
  },
  'git-size': {
    title: '100,000 finished messages on a remote; a root at rest',
    load: async () => (await import('./git-size.mjs')).measureGitSize,
  },
  'git-history': {
    title: 'What 1,000 tasks of 5 minutes leave on the remote',
    load: async () => (await import('./git-history.mjs')).measureGitHistory,
  },
};
