import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bareRepository, git, gitHost, sync } from '../support/git-host.js';

const LATE = 'mailboxes/server/inbox/late.md';

describe('a file that a person drops and commits while a push is under way', () => {
  it('is not lost with the commit that carries theirs along', async () => {
    const url = bareRepository();
    const host = await gitHost(url, 'a-1');
    host.write('mailboxes/server/inbox/first.md', 'first\n');
    await sync(host);
    host.write('mailboxes/server/inbox/second.md', 'second\n');
    const { remote } = host.exchange.state;
    const { push } = remote;
    let isDone = false;
    remote.push = async (...args) => {
      if (!isDone) {
        isDone = true;
        host.write(LATE, 'late\n');
        git(host.root, 'add', LATE);
        git(host.root, 'commit', '-qm', 'By hand', '--', LATE);
        // The race for main is lost, and run again.
        return { kind: 'known', fates: new Map([['refs/heads/main', 'refused']]), said: '' };
      }
      return push(...args);
    };
    await sync(host, host, host);
    expect(existsSync(join(host.root, LATE))).toBe(true);
    expect(git(url, 'show', `main:${LATE}`)).toBe('late');
    expect(git(host.root, 'status', '--porcelain')).toBe('');
    await host.exchange.close();
  });
});
