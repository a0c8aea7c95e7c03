/** A laptop and two servers, each with a daemon, over one remote on a path. */
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dirname } from 'node:path';
import { arrived, drop, pathOf, runDaemon, type TestDaemon, tree } from '../support/daemon.js';
import { bareRepository, git, remoteRoot } from '../support/git-host.js';
import { waitUntil } from '../support/wait-until.js';

/** How long anything may take on a busy machine, ms. */
const PATIENCE = 25_000;
/** Shown in progress after a third of it. */
const LEASE = 'lease: 6s\n';

const url = bareRepository();
const laptop = remoteRoot(url, 'laptop-1', ['laptop'], LEASE);
const roots = [
  remoteRoot(url, 'server-1', ['server', 'limited'], LEASE),
  remoteRoot(url, 'server-2', ['server', 'other'], LEASE),
];
let desk: TestDaemon;
let servers: TestDaemon[] = [];

beforeAll(async () => {
  [desk, ...servers] = (await Promise.all([laptop, ...roots].map((root) => runDaemon(root)))) as [
    TestDaemon,
    TestDaemon,
  ];
});
afterAll(async () => {
  await Promise.all([desk, ...servers].map(({ daemon }) => daemon.stop(0)));
});

const onLaptop = (state: Parameters<typeof pathOf>[2], name: string): string => pathOf(laptop, 'server', state, name);
const claims = (): string => git(url, 'for-each-ref', 'refs/mailboxd/claims');

/** As a person's `mkdir -p` and `mv`. */
function move(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  renameSync(from, to);
}

/** Sends a task that runs until it is stopped; resolves when the laptop shows it in progress, with who runs it. */
async function running(name: string): Promise<{ id: string; server: TestDaemon; root: string }> {
  drop(
    laptop,
    'server',
    name,
    `---\nfrom: laptop\n---\nWork for a while.\nsimulate: duration 10m\nsimulate: rate 20/s\n`,
  );
  const isClaim = (event: TestDaemon['events'][number]): boolean =>
    event.type === 'claimed' && event.place.name === name;
  const index = await waitUntil(() => servers.findIndex(({ events }) => events.some(isClaim)) + 1, {
    timeout: PATIENCE,
    what: `a claim of ${name}`,
  });
  await arrived(laptop, 'server', 'in_progress', name, PATIENCE);
  const [server, root] = [servers[index - 1], roots[index - 1]];
  if (!server || root === undefined) throw new Error('found no such server');
  const { id } = await server.event('claimed', name);
  return { id, server, root };
}

/** How the run of this message that is under way ends. */
function outcomeOf({ events }: TestDaemon, id: string): Promise<string> {
  const end = (): string | undefined =>
    events.flatMap((event) => (event.type === 'finished' && event.id === id ? [event.outcome] : []))[0];
  return waitUntil(end, { timeout: PATIENCE, what: `the end of ${id}` });
}

describe('two servers of one mailbox', () => {
  it('share what waits, and run each task once', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `share-${index}.md`);
    for (const name of names) drop(laptop, 'server', name, `Do ${name}\nsimulate: duration 400ms\n`);
    for (const name of names) await arrived(laptop, 'server', 'complete', name, PATIENCE);
    const claimed = servers.map(({ events }) =>
      events.flatMap((event) =>
        event.type === 'claimed' && event.place.name.startsWith('share-') ? [event.place.name] : [],
      ),
    );
    expect(claimed.flat().toSorted()).toEqual(names.toSorted());
    for (const list of claimed) expect(list).not.toEqual([]);
    expect(desk.events.filter(({ type }) => type === 'claimed')).toEqual([]);
    for (const name of names)
      expect(readFileSync(onLaptop('complete', name), 'utf8').match(/^## Result$/gm)).toHaveLength(1);
    await waitUntil(() => claims() === '', { timeout: PATIENCE, what: 'the claims to be let go' });
  });
});

describe('across hosts', () => {
  it('a reply arrives once, when the end is on main', async () => {
    drop(laptop, 'server', 'answer.md', '---\nfrom: laptop\nreply: true\n---\nsimulate: answer Yes.\n');
    const inbox = (): string[] => tree(laptop).filter((path) => /^laptop\/inbox\/[^.].*\.md$/.test(path));
    const [path = ''] = await waitUntil(() => inbox().length > 0 && inbox(), { timeout: PATIENCE, what: 'the reply' });
    const text = readFileSync(`${laptop}/mailboxes/${path}`, 'utf8');
    expect(text).toMatch(/^type: "?chat"?$/m);
    expect(text).toContain('Yes.');
    // The commit that brought it has the end, or stands upon it.
    const commit = git(url, 'log', '--format=%H', '--diff-filter=A', 'main', '--', `mailboxes/${path}`);
    expect(git(url, 'ls-tree', '--name-only', commit, 'mailboxes/server/complete/answer.md')).not.toBe('');
    await waitUntil(() => claims() === '', { timeout: PATIENCE, what: 'the claim to be let go' });
    expect(inbox()).toHaveLength(1);
  });

  it('a chat reaches a task that runs, and moving its file to failed/ stops it', async () => {
    const { id, server, root } = await running('long.md');
    await desk.daemon.desk.say(id, 'Only the German feeds', 'laptop');
    await waitUntil(
      () => readFileSync(pathOf(root, 'server', 'in_progress', 'long.md'), 'utf8').includes('Only the German feeds'),
      {
        timeout: PATIENCE,
        what: 'the chat in the task',
      },
    );
    move(onLaptop('in_progress', 'long.md'), onLaptop('failed', 'long.md'));
    expect(await outcomeOf(server, id)).toBe('cancelled');
    await waitUntil(() => readFileSync(onLaptop('failed', 'long.md'), 'utf8').includes('Only the German feeds'), {
      timeout: PATIENCE,
      what: 'what the run wrote, on the laptop',
    });
    expect(existsSync(onLaptop('in_progress', 'long.md'))).toBe(false);
    await waitUntil(() => claims() === '', { timeout: PATIENCE, what: 'the claim to be let go' });
  });

  it('moving its file to another mailbox takes a task from the server that runs it, and gives it to who serves that', async () => {
    const { id, server } = await running('give.md');
    move(onLaptop('in_progress', 'give.md'), pathOf(laptop, 'other', 'inbox', 'give.md'));
    expect(await outcomeOf(server, id)).toBe('cancelled');
    const other = await waitUntil(
      () => servers[1]?.events.find((event) => event.type === 'claimed' && event.place.mailbox === 'other'),
      { timeout: PATIENCE, what: 'its claim in the other mailbox' },
    );
    expect(other).toMatchObject({ id });
    move(
      pathOf(roots[1] ?? '', 'other', 'in_progress', 'give.md'),
      pathOf(roots[1] ?? '', 'other', 'failed', 'give.md'),
    );
    await arrived(laptop, 'other', 'failed', 'give.md', PATIENCE);
    await waitUntil(() => claims() === '', { timeout: PATIENCE, what: 'the claims to be let go' });
    for (const root of [laptop, ...roots]) {
      const places = (): string[] => tree(root).filter((path) => path.includes('give') && path.endsWith('.md'));
      await waitUntil(() => places().join() === 'other/failed/give.md', {
        timeout: PATIENCE,
        what: `it to be in one place; there is ${JSON.stringify(tree(root))}`,
      });
    }
  });

  it('a parked mailbox gives its claims back', async () => {
    drop(laptop, 'limited', 'later.md', 'simulate: usage-limit 1h 9\n');
    await servers[0]?.event('parked', undefined, PATIENCE);
    await waitUntil(() => claims() === '', { timeout: PATIENCE, what: 'the claim to be let go' });
    expect(git(url, 'ls-tree', '--name-only', 'main', 'mailboxes/limited/inbox/later.md')).not.toBe('');
    expect(existsSync(pathOf(laptop, 'limited', 'inbox', 'later.md'))).toBe(true);
  });
});
