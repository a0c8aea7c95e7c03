import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bareRepository, git, gitHost, sync } from '../support/git-host.js';

const INBOX = 'mailboxes/server/inbox/hello.md';

describe('the exchange', () => {
  it('carries a dropped file to another host, byte for byte, and leaves both checkouts clean', async () => {
    const url = bareRepository();
    const laptop = await gitHost(url, 'laptop-1');
    const server = await gitHost(url, 'server-1');
    laptop.write(INBOX, 'Say hello\r\nto all\n');
    await sync(laptop, server);
    expect(server.read(INBOX)).toBe('Say hello\r\nto all\n');
    for (const { root } of [laptop, server]) expect(git(root, 'status', '--porcelain')).toBe('');
    expect(git(laptop.root, 'log', '--format=%s')).toBe('send server: 1 message');
    await laptop.exchange.close();
    await server.exchange.close();
  });

  it('brings two people together who work at the same time', async () => {
    const url = bareRepository();
    const [a, b] = [await gitHost(url, 'a-1'), await gitHost(url, 'b-1')];
    a.write(INBOX, 'one\n');
    b.write(INBOX, 'two\n');
    await sync(a, b, a, b);
    const texts = (root: string): string[] =>
      git(root, 'ls-tree', '-r', '--name-only', 'HEAD')
        .split('\n')
        .map((path) => git(root, 'show', `HEAD:${path}`))
        .toSorted();
    expect(texts(a.root)).toEqual(['one', 'two']);
    expect(texts(b.root)).toEqual(['one', 'two']);
    renameSync(join(a.root, INBOX), join(a.root, 'mailboxes/server/inbox/renamed.md'));
    await sync(a, b);
    expect(existsSync(join(b.root, INBOX))).toBe(false);
    for (const { root } of [a, b]) expect(git(root, 'status', '--porcelain')).toBe('');
    await a.exchange.close();
    await b.exchange.close();
  });

  it('carries what a person committed and pushed, or only committed', async () => {
    const url = bareRepository();
    const [a, b] = [await gitHost(url, 'a-1'), await gitHost(url, 'b-1')];
    a.write(INBOX, 'one\n');
    a.write('README.md', 'About this root\n');
    await sync(a, b);
    git(a.root, 'add', 'README.md');
    git(a.root, 'commit', '-qm', 'Tell what this is');
    await sync(a, b);
    expect(b.read('README.md')).toBe('About this root\n');
    b.write('mailboxes/server/inbox/two.md', 'two\n');
    git(b.root, 'add', '-A');
    git(b.root, 'commit', '-qm', 'By hand');
    git(b.root, 'push', '-q', url, 'main');
    await sync(a, b);
    expect(a.read('mailboxes/server/inbox/two.md')).toBe('two\n');
    for (const { root } of [a, b]) expect(git(root, 'status', '--porcelain')).toBe('');
    expect(git(a.root, 'rev-parse', 'HEAD')).toBe(git(b.root, 'rev-parse', 'HEAD'));
    await a.exchange.close();
    await b.exchange.close();
  });

  it('claims a message once, and publishes its end with the claim', async () => {
    const url = bareRepository();
    const [laptop, a, b] = [await gitHost(url, 'laptop-1'), await gitHost(url, 'a-1'), await gitHost(url, 'b-1')];
    laptop.write(INBOX, '---\nid: "m1"\n---\nhello\n');
    await sync(laptop, a, b);
    const request = { mailbox: 'server', state: 'inbox', name: 'hello.md' } as const;
    const both = [a.exchange.claim(request), b.exchange.claim(request)];
    await Promise.all([a.exchange.settled(), b.exchange.settled()]);
    const answers = await Promise.all(both);
    expect(answers.map(({ kind }) => kind).toSorted()).toEqual(['busy', 'granted']);
    const [winner, loser] = answers[0]?.kind === 'granted' ? [a, b] : [b, a];
    expect(winner.exchange.holds('m1')).toBe(true);
    winner.write('mailboxes/server/complete/hello.md', '---\nid: "m1"\n---\nhello\n\ndone\n');
    renameSync(join(winner.root, INBOX), join(winner.root, '.mailboxd/gone'));
    await sync(winner, laptop);
    expect(laptop.read(INBOX)).toContain('hello');
    winner.exchange.ended('m1');
    await sync(winner, loser, laptop);
    expect(laptop.read('mailboxes/server/complete/hello.md')).toContain('done');
    expect(existsSync(join(laptop.root, INBOX))).toBe(false);
    expect(git(url, 'for-each-ref', 'refs/mailboxd/claims')).toBe('');
    for (const { root, exchange } of [laptop, a, b]) {
      expect(git(root, 'status', '--porcelain')).toBe('');
      await exchange.close();
    }
  });
});
