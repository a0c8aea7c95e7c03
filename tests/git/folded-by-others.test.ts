import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bareRepository, git, gitHost, sync } from '../support/git-host.js';

const INBOX = 'mailboxes/server/inbox/hello.md';
const COMPLETE = 'mailboxes/server/complete/hello.md';

describe('an end that others fold into main', () => {
  it('does not come back when the message has gone on since', async () => {
    const url = bareRepository();
    const [a, b] = [await gitHost(url, 'a-1'), await gitHost(url, 'b-1')];
    a.write(INBOX, '---\nid: "m1"\n---\nhello\n');
    await sync(a, b);
    const asked = a.exchange.claim({ mailbox: 'server', state: 'inbox', name: 'hello.md' });
    await a.exchange.settled();
    expect((await asked).kind).toBe('granted');
    // The attempt failed, and the message waits for the next one.
    a.write(INBOX, '---\nid: "m1"\nattempts: 1\n---\nhello\n\nfirst attempt\n');
    const held = a.exchange.state.held.byId('m1');
    if (held) held.lostRaces = 2;
    const { remote } = a.exchange.state;
    const { push } = remote;
    let races = 0;
    remote.push = async (updates, options) => {
      if (updates.some(({ ref }) => ref === 'refs/heads/main')) {
        races += 1;
        // The first race is lost to a file; the second to a host that folds the end and goes on with the message.
        if (races === 1) b.write('mailboxes/server/inbox/other.md', 'other\n');
        await sync(b);
        if (races === 2) {
          expect(b.read(INBOX)).toContain('first attempt');
          b.write(COMPLETE, b.read(INBOX).replace('first attempt', 'first attempt, second attempt'));
          rmSync(join(b.root, INBOX));
          await sync(b);
        }
      }
      return push(updates, options);
    };
    a.exchange.ended('m1');
    await sync(a);
    remote.push = push;
    await sync(a, b, a);
    expect(races).toBeGreaterThanOrEqual(2);
    const paths = git(url, 'ls-tree', '-r', '--name-only', 'main').split('\n');
    expect(paths).toEqual([COMPLETE, 'mailboxes/server/inbox/other.md']);
    for (const { root, exchange, read } of [a, b]) {
      expect(read(COMPLETE)).toContain('second attempt');
      expect(existsSync(join(root, INBOX))).toBe(false);
      expect(git(root, 'status', '--porcelain')).toBe('');
      await exchange.close();
    }
  });
});
