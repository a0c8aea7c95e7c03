import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createLive } from '../../src/daemon/live.js';
import { openTaskLook, type TaskLook } from '../../src/git/task-look.js';
import { bareRepository, git, gitHost, openHost, sync, type GitHost } from '../support/git-host.js';
import { notePushes } from '../support/pushes.js';
import { waitUntil } from '../support/wait-until.js';

const PLACE = { mailbox: 'server', state: 'in_progress', name: 'x.md' } as const;
const BY = { identity: 'R <r@example.org>', host: 'reader-1', now: 1_795_000_000_000 };
const TIMES = { often: 40, fresh: 60_000, forgotten: 60_000 };
const SHORT = { often: 40, fresh: 1_200, forgotten: 2_000 };

/** A host that says it runs the message `m1`, with its output as its only chore. */
class Holder {
  lease = 60_000;
  isRunning = true;
  readonly url: string;
  readonly root: string;
  readonly host: GitHost;

  private constructor(host: GitHost, url: string) {
    this.host = host;
    this.root = host.root;
    this.url = url;
  }

  static async open(root?: string, url = bareRepository(), times = TIMES): Promise<Holder> {
    const slot: { holder?: Holder } = {};
    const config = { host: 'server-1' };
    const worker = {
      root: { dir: root ?? '', config },
      clock: { now: Date.now },
      lease: { left: () => slot.holder?.lease ?? 0 },
    };
    const running = () => (slot.holder?.isRunning ? [{ id: 'm1', place: PLACE }] : []);
    if (root === undefined) {
      const first = await gitHost(url, 'server-1');
      await first.exchange.close();
      worker.root.dir = first.root;
    }
    const chores = [createLive(worker, running, times)];
    const holder = new Holder(await openHost(worker.root.dir, url, 'server-1', { chores }), url);
    slot.holder = holder;
    return holder;
  }

  write(text: string): void {
    const dir = join(this.root, 'mailboxes/server/in_progress');
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'x.md'), text);
  }

  live(): string {
    return git(this.url, 'for-each-ref', '--format=%(refname)', 'refs/mailboxd/live');
  }
}

async function ask(look: TaskLook): Promise<string> {
  return (await look.ask(20_000, BY)) ?? 'not taken';
}

describe('the output for followers', () => {
  it('is sent when asked for, anew when it changed, and taken away when the run is over', async () => {
    const holder = await Holder.open();
    const pushed = notePushes(holder.url);
    const look = await openTaskLook(holder.root, holder.url, 'm1');
    holder.write('one\n');
    await sync(holder.host);
    expect(holder.live()).toBe('');
    await ask(look);
    await sync(holder.host);
    expect((await look.look({})).live?.text).toBe('one\n');
    const sent = (): number => pushed(/ refs\/mailboxd\/live\//).length;
    await waitUntil(async () => (await sync(holder.host), performance.now()), { what: 'a turn without news' });
    expect(sent()).toBe(1);
    holder.write('one\ntwo\n');
    await waitUntil(async () => (await sync(holder.host), (await look.look({})).live?.text === 'one\ntwo\n'));
    expect(sent()).toBe(2);
    holder.isRunning = false;
    await sync(holder.host);
    expect(holder.live()).toBe('');
    await look.close();
    await holder.host.exchange.close();
  });

  it('is not sent, and taken away, where the lease is lost; nor is what another host sends touched', async () => {
    const holder = await Holder.open();
    const look = await openTaskLook(holder.root, holder.url, 'm1');
    holder.write('one\n');
    await ask(look);
    holder.lease = 0;
    await sync(holder.host);
    expect(holder.live()).toBe('');
    holder.lease = 60_000;
    await sync(holder.host);
    expect(holder.live()).toBe('refs/mailboxd/live/m1');
    const other = git(holder.url, 'commit-tree', '-m', 'of another', git(holder.url, 'mktree'));
    git(holder.url, 'update-ref', 'refs/mailboxd/live/m1', other);
    holder.lease = 0;
    await sync(holder.host);
    expect(git(holder.url, 'rev-parse', 'refs/mailboxd/live/m1')).toBe(other);
    await look.close();
    await holder.host.exchange.close();
  });

  it('ends when the ref that asks for it does not change any more, and sweeps that ref', async () => {
    const holder = await Holder.open(undefined, bareRepository(), SHORT);
    const look = await openTaskLook(holder.root, holder.url, 'm1');
    holder.write('one\n');
    const first = await ask(look);
    await sync(holder.host);
    expect(holder.live()).toBe('refs/mailboxd/live/m1');
    await waitUntil(async () => (await sync(holder.host), holder.live() === ''), { what: 'nothing to be sent' });
    expect(git(holder.url, 'for-each-ref', 'refs/mailboxd/follow')).toBe('');
    await look.unask(first);
    await ask(look);
    await sync(holder.host);
    expect(holder.live()).toBe('refs/mailboxd/live/m1');
    holder.isRunning = false;
    await waitUntil(async () => (await sync(holder.host), git(holder.url, 'for-each-ref', 'refs/mailboxd') === ''), {
      what: 'a ref to be swept that nobody renews',
    });
    await look.close();
    await holder.host.exchange.close();
  });

  it('is taken away after a crash by the next daemon', async () => {
    const holder = await Holder.open();
    const look = await openTaskLook(holder.root, holder.url, 'm1');
    holder.write('one\n');
    const asked = await ask(look);
    await sync(holder.host);
    await look.unask(asked);
    await holder.host.exchange.close();
    expect(holder.live()).toBe('refs/mailboxd/live/m1');
    const next = await Holder.open(holder.root, holder.url);
    next.isRunning = false;
    await sync(next.host);
    expect(next.live()).toBe('');
    await look.close();
    await next.host.exchange.close();
  });
});
