/**
 * Claims by plain git, in a process of its own, beside those of the exchange. `bare`: creates refs, so many in a push,
 * each of which must not exist; nobody else wants them and nothing is looked at afterwards: the floor. `naive`: takes
 * files as one does without refs: moves so many to in_progress/ in one commit and brings it to main with fetch, rebase
 * and push, until it is there.
 */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cloneOf, git, newObject, runGit, timeGit } from '../support/git.mjs';

const { root, url, who } = JSON.parse(process.argv[2] ?? '{}');
cloneOf(url, root);
git(root, 'config', 'gc.auto', '0');
const clock = () => performance.timeOrigin + performance.now();
const inbox = join(root, 'mailboxes/server/inbox');
mkdirSync(join(root, 'mailboxes/server/in_progress'), { recursive: true });
mkdirSync(join(root, 'mailboxes/server/complete'), { recursive: true });
/** @type {string[]} */
let objects = [];

/** One change on main, however often it takes. */
async function bring(change, message) {
  for (;;) {
    await timeGit(root, ['fetch', '-q', 'origin', 'main']);
    await timeGit(root, ['reset', '-q', '--hard', 'FETCH_HEAD']);
    const taken = change();
    if (taken.length === 0) return taken;
    await timeGit(root, ['mv', '-k', ...taken, `mailboxes/server/${message}`]);
    await timeGit(root, ['commit', '-q', '-m', `${message} by ${who}`]);
    if ((await runGit(root, ['push', '-q', 'origin', 'HEAD:main'])).code === 0) return taken;
    await timeGit(root, ['fetch', '-q', 'origin', 'main']);
    // A conflict: another has one of these.
    if ((await runGit(root, ['rebase', '-q', 'FETCH_HEAD'])).code !== 0) await runGit(root, ['rebase', '--abort']);
    else if ((await runGit(root, ['push', '-q', 'origin', 'HEAD:main'])).code === 0) return taken;
  }
}

const WORK = {
  prepare({ count }) {
    objects = Array.from({ length: count }, (_, n) => newObject(root, `${who}-${n}`));
  },
  async bare({ width, span = Number.POSITIVE_INFINITY }) {
    const began = performance.now();
    const claims = [];
    for (let n = 0; n < objects.length && performance.now() - began < span; n += width) {
      const part = objects.slice(n, n + width).map((oid, k) => ({ oid, ref: `refs/bench/${who}-${n + k}` }));
      const leases = part.map(({ ref }) => `--force-with-lease=${ref}:`);
      const ms = await timeGit(root, ['push', '-q', ...leases, url, ...part.map(({ oid, ref }) => `${oid}:${ref}`)]);
      for (const { ref } of part) claims.push({ name: ref, kind: 'granted', ms, at: clock() });
    }
    return claims;
  },
  async naive({ width, span }) {
    const began = performance.now();
    const claims = [];
    while (performance.now() - began < span) {
      const from = performance.now();
      const first = () => (existsSync(inbox) ? readdirSync(inbox).toSorted().slice(0, width) : []);
      const taken = await bring(() => first().map((name) => `mailboxes/server/inbox/${name}`), 'in_progress');
      if (taken.length === 0) break;
      for (const name of taken) claims.push({ name, kind: 'granted', ms: performance.now() - from, at: clock() });
    }
    return claims;
  },
  /** Ends one of its own tasks after the other: a commit on main each. */
  async naiveFinish({ names, span }) {
    const began = performance.now();
    const landed = [];
    for (const name of names) {
      if (performance.now() - began > span) break;
      const from = performance.now();
      await bring(() => [`mailboxes/server/inbox/${name}`], 'complete');
      landed.push({ name, ms: performance.now() - from, at: clock() });
    }
    return landed;
  },
  close: () => void setImmediate(() => process.disconnect?.()),
};

process.on('message', async ({ n, work, ...parts }) => {
  try {
    process.send?.({ n, answer: await WORK[work](parts) });
  } catch (error) {
    process.send?.({ n, error: `${error.stack}` });
  }
});
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: true });
