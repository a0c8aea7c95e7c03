import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bareRepository, git, gitHost, openHost, sync } from '../support/git-host.js';

describe('a crash between the files that came and the note that they did', () => {
  it('brings no message a second time that was finished elsewhere meanwhile', async () => {
    const url = bareRepository();
    const a = await gitHost(url, 'a-1');
    let isCrashing = true;
    const hooks = {
      ...{ onEvent: () => undefined, onLost: () => undefined, onMoved: () => undefined, withhold: () => undefined },
      onApplied: () => {
        if (isCrashing) throw new Error('killed here');
      },
    };
    const b = await gitHost(url, 'b-1', { hooks });
    a.write('mailboxes/server/inbox/x.md', '---\nid: "m1"\n---\nx\n');
    await sync(a);
    await expect(sync(b)).rejects.toThrow('killed here');
    expect(b.read('mailboxes/server/inbox/x.md')).toContain('m1');
    await b.exchange.close();
    isCrashing = false;
    mkdirSync(join(a.root, 'mailboxes/server/complete'), { recursive: true });
    renameSync(join(a.root, 'mailboxes/server/inbox/x.md'), join(a.root, 'mailboxes/server/complete/x.md'));
    a.write('mailboxes/server/complete/x.md', '---\nid: "m1"\n---\nx\n\nthe answer\n');
    await sync(a);
    const again = await openHost(b.root, url, 'b-1', { hooks });
    await sync(again, a);
    expect(git(url, 'ls-tree', '-r', '--name-only', 'main')).toBe('mailboxes/server/complete/x.md');
    await a.exchange.close();
    await again.exchange.close();
  });
});
