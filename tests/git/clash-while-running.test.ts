/** Two people drop bare files of one name while one of them runs: it is given another name on main. */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { HeldState } from '../../src/git/held.js';
import { blobOid } from '../../src/git/objects.js';
import type { ClaimReply } from '../../src/git/exchange/answer.js';
import { mayTakeOver } from '../../src/git/exchange/look.js';
import { bareRepository, git, gitHost, sync, type GitHost } from '../support/git-host.js';
import { waitUntil } from '../support/wait-until.js';

const BOX = 'mailboxes/server';
const INBOX = `${BOX}/inbox/report.md`;
const ID = '0190f000-0000-7000-8000-000000000001';
// Of two that clash, the greater object id keeps the name.
const [RUNS, KEEPS] = ['The first.\n', 'The second.\n'].toSorted((one, other) => (oid(one) < oid(other) ? -1 : 1)) as [
  string,
  string,
];
const RENAMED = `report-${oid(RUNS).slice(0, 8)}.md`;

let url: string;
let a: GitHost;
let b: GitHost;

function oid(text: string): string {
  return blobOid(Buffer.from(text));
}

const files = (): string[] => git(url, 'ls-tree', '-r', '--name-only', 'main').split('\n');

beforeEach(async () => {
  url = bareRepository();
  let ids = 0;
  a = await gitHost(url, 'a-1', { lease: 300, newId: () => ID.replace(/1$/, String((ids += 1))) });
  b = await gitHost(url, 'b-1');
  a.write(INBOX, RUNS);
  await sync(a);
  expect((await claim(a, 'report.md')).kind).toBe('granted');
  mkdirSync(join(a.root, BOX, 'in_progress'), { recursive: true });
  rmSync(join(a.root, INBOX));
  a.write(`${BOX}/in_progress/report.md`, `---\nid: "${ID}"\n---\n${RUNS}`);
  b.write(INBOX, KEEPS);
  await sync(b);
  expect(files()).toEqual([`${BOX}/inbox/${RENAMED}`, INBOX]);
});

afterEach(async () => {
  for (const { exchange } of [a, b]) await exchange.close();
});

async function claim(host: GitHost, name: string): Promise<ClaimReply> {
  const asked = host.exchange.claim({ mailbox: 'server', state: 'inbox', name });
  await host.exchange.settled();
  return asked;
}

function held(): HeldState {
  const [first] = a.exchange.state.held.all.values();
  if (!first) throw new Error('nothing is held');
  return first;
}

function finish(): void {
  rmSync(join(a.root, `${BOX}/in_progress/report.md`));
  a.write(`${BOX}/complete/report.md`, `---\nid: "${ID}"\n---\n${RUNS}\nDone.\n`);
  a.exchange.ended(ID);
}

it('its end takes the place of the renamed file, and the other waits', async () => {
  await sync(a);
  expect(existsSync(join(a.root, BOX, 'inbox', RENAMED))).toBe(false);
  finish();
  await sync(a, b, a);
  expect(files()).toEqual([`${BOX}/complete/${RENAMED}`, INBOX]);
  for (const host of [a, b]) {
    expect(host.read(INBOX)).toBe(KEEPS);
    expect(host.read(`${BOX}/complete/${RENAMED}`)).toContain('Done.');
    expect(git(host.root, 'status', '--porcelain')).toBe('');
  }
});

it('so it does when it is folded by another', async () => {
  finish();
  const held = a.exchange.state.held.byId(ID);
  const { remote } = a.exchange.state;
  const { push } = remote;
  remote.push = async (updates, options) => {
    const isMain = updates.some(({ ref }) => ref === 'refs/heads/main');
    if (isMain) b.write(`${BOX}/inbox/other-${String(Math.random()).slice(2)}.md`, 'Other.\n');
    if (isMain) await sync(b);
    return push(updates, options);
  };
  if (held) held.lostRaces = 1;
  a.exchange.ring({ remote: true });
  await a.exchange.settled();
  remote.push = push;
  await sync(b, a, b);
  const left = files().filter((path) => !path.includes('other-'));
  expect(left).toEqual([`${BOX}/complete/${RENAMED}`, INBOX]);
  expect(a.read(INBOX)).toBe(KEEPS);
  expect(existsSync(join(a.root, `${BOX}/complete/report.md`))).toBe(false);
});

it('while it runs, it is not taken for deleted when the other file goes', async () => {
  rmSync(join(b.root, INBOX));
  await sync(b, a, a, b, a);
  expect(files()).toEqual([`${BOX}/inbox/${RENAMED}`]);
});

it('when its host is gone, another takes over that very claim, and the host publishes nothing more', async () => {
  await sync(b);
  await waitUntil(() => mayTakeOver(b.exchange.state, held().key));
  const key = held().key;
  const answer = await claim(b, RENAMED);
  expect(answer).toMatchObject({ kind: 'granted', held: { key, from: 'server@a-1', crashes: 1 } });
  finish();
  a.exchange.ring({ remote: true });
  await a.exchange.settled();
  expect(files()).toEqual([`${BOX}/inbox/${RENAMED}`, INBOX]);
});

it('when its host is gone, the file that has its name now is claimed as another', async () => {
  await sync(b);
  await waitUntil(() => mayTakeOver(b.exchange.state, held().key));
  const answer = await claim(b, 'report.md');
  expect(answer).toMatchObject({ kind: 'granted', held: { key: held().key, crashes: 0 } });
  expect(b.events.map(({ type }) => type)).not.toContain('taken over');
});
