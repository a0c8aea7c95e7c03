import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exchangeOnce } from '../../src/git/exchange/round.js';
import { bareRepository, git, gitHost, sync } from '../support/git-host.js';

const INBOX = 'mailboxes/server/inbox/hello.md';
const COMPLETE = 'mailboxes/server/complete/hello.md';
const pathsOf = (url: string): string[] =>
  git(url, 'ls-tree', '-r', '--name-only', 'main')
    .split('\n')
    .filter((path) => path.includes('hello'));

describe('a message that main has moved', () => {
  it('is not doubled by an edit that could not be published at once', async () => {
    const url = bareRepository();
    const [a, b] = [await gitHost(url, 'a-1'), await gitHost(url, 'b-1')];
    a.write(INBOX, '---\nid: "m1"\n---\nhello\n');
    await sync(a, b);
    b.write(INBOX, '---\nid: "m1"\n---\nhello\nedited\n');
    const { remote } = b.exchange.state;
    const { push } = remote;
    let races = 0;
    remote.push = async (updates, options) => {
      races += 1;
      if (races === 1) {
        a.write(COMPLETE, '---\nid: "m1"\n---\nhello\n');
        rmSync(join(a.root, INBOX));
      } else a.write(`mailboxes/server/inbox/other-${races}.md`, 'other\n');
      await sync(a);
      return push(updates, options);
    };
    expect((await exchangeOnce(b.exchange.state)).isUnfinished).toBe(true);
    remote.push = push;
    await sync(b, a);
    expect(pathsOf(url)).toEqual([COMPLETE]);
    for (const { exchange, read } of [a, b]) {
      expect(read(COMPLETE)).toContain('edited');
      await exchange.close();
    }
  });

  it('is not doubled by an edit in the moment in which its move arrives', async () => {
    const url = bareRepository();
    const [a, b] = [await gitHost(url, 'a-1'), await gitHost(url, 'b-1')];
    a.write(INBOX, '---\nid: "m1"\n---\nhello\n');
    await sync(a, b);
    a.write(COMPLETE, '---\nid: "m1"\n---\nhello\n');
    rmSync(join(a.root, INBOX));
    await sync(a);
    const { working } = b.exchange.state;
    const { scan } = working;
    working.scan = async (...args) => {
      working.scan = scan;
      const found = await scan(...args);
      b.write(INBOX, '---\nid: "m1"\n---\nhello\nedited\n');
      return found;
    };
    await sync(b);
    await sync(b, a, b);
    expect(pathsOf(url)).toEqual([COMPLETE]);
    for (const { exchange, read, root } of [a, b]) {
      expect(read(COMPLETE)).toContain('edited');
      expect(existsSync(join(root, INBOX))).toBe(false);
      await exchange.close();
    }
  });
});
