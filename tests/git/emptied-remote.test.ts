import { describe, expect, it } from 'vitest';
import { bareRepository, git, gitHost, sync } from '../support/git-host.js';

describe('a remote that is emptied', () => {
  it('is noticed by a host that has nothing to bring', async () => {
    const url = bareRepository();
    const host = await gitHost(url, 'server-1');
    host.write('mailboxes/server/inbox/hello.md', 'hello\n');
    await sync(host);
    // A look that finds nothing new, as most do.
    await sync(host);
    const main = git(url, 'rev-parse', 'main');
    git(url, 'update-ref', '-d', 'refs/heads/main');
    for (let turn = 0; turn < 2; turn += 1) await expect(sync(host)).rejects.toThrow(/main is gone from the remote/);
    git(url, 'update-ref', 'refs/heads/main', main);
    await sync(host);
    expect(host.exchange.status.main).toBe(main);
    await host.exchange.close();
  });
});
