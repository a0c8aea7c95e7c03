import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bareRepository, git, gitHost, sync } from '../support/git-host.js';

const RUNNING = 'mailboxes/server/in_progress/hello.md';
const DONE = 'mailboxes/server/complete/hello.md';

describe('a task that ends in the middle of a round', () => {
  it('is published by the next one, whole, and not as it was while it ran', async () => {
    const url = bareRepository();
    const host = await gitHost(url, 'server-1');
    host.write('mailboxes/server/inbox/hello.md', '---\nid: "m1"\n---\nhello\n');
    await sync(host);
    const asked = host.exchange.claim({ mailbox: 'server', state: 'inbox', name: 'hello.md' });
    await host.exchange.settled();
    expect((await asked).kind).toBe('granted');
    renameSync(join(host.root, 'mailboxes/server/inbox/hello.md'), join(host.root, '.mailboxd/held'));
    host.write(RUNNING, '---\nid: "m1"\n---\nhello\n\nhalf of the ans');
    host.write('mailboxes/server/inbox/other.md', 'something else to publish\n');

    const { working } = host.exchange.state;
    const { scan } = working;
    working.scan = async (...args) => {
      working.scan = scan;
      const found = await scan(...args);
      // The folders have been looked at; the run comes to its end now.
      host.write(DONE, '---\nid: "m1"\n---\nhello\n\nhalf of the answer, and the rest\n');
      rmSync(join(host.root, RUNNING));
      const held = host.exchange.state.held.byId('m1');
      if (held) Object.assign(held, { isActive: false, isEnded: true });
      return found;
    };
    await sync(host);
    expect(git(url, 'ls-tree', '-r', '--name-only', 'main')).not.toContain('in_progress');
    await sync(host);
    expect(git(url, 'show', `main:${DONE}`)).toContain('and the rest');
    expect(git(url, 'ls-tree', '-r', '--name-only', 'main').split('\n')).toHaveLength(2);
    expect(existsSync(join(host.root, RUNNING))).toBe(false);
    expect(git(url, 'for-each-ref', 'refs/mailboxd/claims')).toBe('');
    expect(git(host.root, 'status', '--porcelain')).toBe('');
    await host.exchange.close();
  });
});
