/**
 * The exchange of one root in a process of its own, as the daemon opens it, driven from outside: forked with its options
 * as JSON, it does what it is asked, one message `{n, work, ...}` after the other, and answers `{n, answer}`.
 */
import { linkSync, mkdirSync, readdirSync, renameSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { v7 } from 'uuid';
import { openExchange } from '../../dist/git/exchange/exchange.js';

const { root, url, host, lease = 600_000, poll = 1_000, manual = false } = JSON.parse(process.argv[2] ?? '{}');
const clock = () => performance.timeOrigin + performance.now();
/** What a simulation has let pass, ms. */
let ahead = 0;
/** @type {string[]} */
const troubles = [];

const exchange = await openExchange({
  ...{ root, url, host, lease, poll, manual, settle: 0, now: () => Date.now() + ahead, newId: () => v7() },
  onTurn: () => undefined,
  hooks: {
    onEvent(event) {
      if (event.type === 'trouble') troubles.push(event.message);
    },
    onApplied: () => undefined,
    onLost: (held, reason) => void troubles.push(`${held.id}: ${reason}`),
    onMoved: () => undefined,
    withhold: () => undefined,
  },
});

/** Settles when `is` holds; looked at often, and not at the ends of turns: what has landed has, whatever follows in its turn. */
const after = async (is) => {
  while (!is()) await new Promise((resolve) => setTimeout(resolve, 2));
};
const folder = (state, mailbox = 'server') => join(root, 'mailboxes', mailbox, state);
const claim = async (name) => {
  const began = performance.now();
  const answer = await exchange.claim({ mailbox: 'server', state: 'inbox', name });
  return {
    name,
    kind: answer.kind,
    ms: performance.now() - began,
    id: answer.kind === 'granted' ? answer.held.id : '',
  };
};
/** As the store delivers: from its times it can be seen that nobody is still at it. */
const write = (path, text) => {
  writeFileSync(path, text);
  const before = new Date(Date.now() - 1_000);
  utimesSync(path, before, before);
};
/** What a run leaves: the file with its result in `complete/`, and none in the inbox. */
const end = (name, id, text) => {
  mkdirSync(folder('complete'), { recursive: true });
  const temp = join(folder('complete'), `.tmp~${name}`);
  write(temp, text);
  renameSync(temp, join(folder('complete'), name));
  unlinkSync(join(folder('inbox'), name));
  exchange.ended(id);
};
const isLanded = (id) => {
  const held = exchange.state.held.byId(id);
  return held === undefined || held.isDone;
};

const WORK = {
  claim: ({ name }) => claim(name),
  /** As the daemon does: so many at once, the oldest first; what another has is left to it. */
  async drain({ width }) {
    const names = readdirSync(folder('inbox'))
      .filter((name) => name.endsWith('.md'))
      .toSorted();
    const claims = [];
    let next = 0;
    const lane = async () => {
      while (next < names.length) {
        const one = await claim(names[next++]);
        claims.push({ ...one, at: clock() });
      }
    };
    await Promise.all(Array.from({ length: width }, lane));
    return claims;
  },
  /** Claims these, all at once. */
  claimAll: ({ names }) => Promise.all(names.map(claim)),
  /** Ends one claimed task after the other for `span` ms; when each was safe on the remote, and how long that took. */
  async finish({ tasks, span }) {
    const began = performance.now();
    const landed = [];
    for (const { name, id, text } of tasks) {
      if (performance.now() - began > span) break;
      const from = performance.now();
      end(name, id, text);
      await after(() => isLanded(id));
      landed.push({ name, ms: performance.now() - from, at: clock() });
    }
    return landed;
  },
  /** Ends these at once, and settles when the remote has them. */
  async finishAll({ tasks }) {
    for (const { name, id, text } of tasks) end(name, id, text);
    if (manual) await exchange.settled();
    else await after(() => tasks.every(({ id }) => isLanded(id)));
  },
  /** A file arrives whole in a folder here; the moment it did. */
  deliver({ mailbox, name, text }) {
    const dir = folder('inbox', mailbox);
    write(join(dir, `.tmp~${name}`), text);
    const at = clock();
    linkSync(join(dir, `.tmp~${name}`), join(dir, name));
    unlinkSync(join(dir, `.tmp~${name}`));
    return at;
  },
  /** One turn by hand, after `ms` more have passed on its clock. */
  async turn({ ms = 0 }) {
    ahead += ms;
    await exchange.settled();
  },
  ring: () => exchange.ring({ remote: true }),
  settled: () => exchange.settled(),
  main: () => exchange.status.main,
  rounds: () => exchange.status.rounds,
  troubles: () => troubles,
  async close() {
    await exchange.close();
    setImmediate(() => process.disconnect?.());
  },
};

process.on('message', async ({ n, work, ...parts }) => {
  try {
    process.send?.({ n, answer: await WORK[work](parts) });
  } catch (error) {
    process.send?.({ n, error: `${error.stack}` });
  }
});
process.on('disconnect', () => process.exit(0));
await exchange.start();
process.send?.({ ready: true, problem: exchange.status.problem });
