import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSweep } from '../../src/git/exchange/sweep.js';
import { bareRepository, git, gitHost, sync } from '../support/git-host.js';
import { waitUntil } from '../support/wait-until.js';

const claims = (url: string): string => git(url, 'for-each-ref', 'refs/mailboxd/claims');

describe('the claim of a host that is not heard of again', () => {
  it('goes when its message has ended, and stays while it waits', async () => {
    const url = bareRepository();
    const chore = createSweep(0);
    const gone = await gitHost(url, 'gone-1', { lease: 300 });
    const here = await gitHost(url, 'here-1', { lease: 300, chores: [chore] });
    gone.write('mailboxes/server/inbox/x.md', '---\nid: "m1"\n---\nx\n');
    await sync(gone, here);
    const answer = gone.exchange.claim({ mailbox: 'server', state: 'inbox', name: 'x.md' });
    await gone.exchange.settled();
    expect((await answer).kind).toBe('granted');
    await sync(here);
    await waitUntil(() => here.exchange.isFree('m1'), { what: 'the lease to pass' });
    await sync(here);
    expect(claims(url)).not.toBe('');
    // A person cancels it.
    here.write('mailboxes/server/failed/.gitkeep', '');
    renameSync(join(here.root, 'mailboxes/server/inbox/x.md'), join(here.root, 'mailboxes/server/failed/x.md'));
    await sync(here, here);
    expect(claims(url)).toBe('');
    await gone.exchange.close();
    await here.exchange.close();
  });
});
