import { describe, expect, it } from 'vitest';
import { packLoose } from '../../src/git/maintenance.js';
import { bareRepository, git, gitHost, sync } from '../support/git-host.js';

describe('packing', () => {
  it('packs many loose objects and changes nothing that anyone can see', async () => {
    const host = await gitHost(bareRepository(), 'a-1');
    for (const name of ['a', 'b', 'c']) {
      host.write(`mailboxes/server/inbox/${name}.md`, `${name}\n`);
      await sync(host);
    }
    const before = git(host.root, 'log', '--format=%H');
    expect(await packLoose(host.root, 1_000)).toBe(false);
    expect(await packLoose(host.root, 5)).toBe(true);
    // What nothing reaches yet stays loose: it may be on its way to a ref.
    expect(Number(/^(\d+)/.exec(git(host.root, 'count-objects'))?.[1])).toBeLessThan(12);
    expect(git(host.root, 'count-objects', '-v')).toMatch(/^packs: [1-9]/m);
    expect(git(host.root, 'log', '--format=%H')).toBe(before);
    host.write('mailboxes/server/inbox/d.md', 'd\n');
    await sync(host);
    expect(git(host.root, 'status', '--porcelain')).toBe('');
    await host.exchange.close();
  });
});
