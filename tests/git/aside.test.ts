import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { recoverAside, takeAside } from '../../src/git/aside.js';
import { blobOid } from '../../src/git/objects.js';
import { bareRepository, gitHost, openHost, sync } from '../support/git-host.js';
import { testdir } from '../support/testdir.js';

const PATH = 'mailboxes/server/inbox/x.md';
const known = (isKnown: boolean) => () => Promise.resolve(isKnown);

describe('a file that is moved aside', () => {
  it('stays when it is not the expected one', () => {
    const root = testdir({ [PATH]: 'theirs', '.git-own/': '' });
    expect(takeAside(root, PATH, join(root, '.git-own'), blobOid(Buffer.from('ours')))).toBeUndefined();
    expect(readFileSync(join(root, PATH), 'utf8')).toBe('theirs');
    expect(readdirSync(join(root, '.git-own/aside'))).toEqual([]);
  });

  it('comes back after a crash, where nothing stands in its place', async () => {
    const root = testdir({ [PATH]: 'text', '.git-own/': '' });
    const own = join(root, '.git-own');
    takeAside(root, PATH, own, blobOid(Buffer.from('text')));
    expect(existsSync(join(root, PATH))).toBe(false);
    expect(await recoverAside(root, own, join(root, 'kept'), known(true))).toEqual([]);
    expect(readFileSync(join(root, PATH), 'utf8')).toBe('text');
    expect(readdirSync(join(own, 'aside'))).toEqual([]);
  });

  it('is kept after a crash, where another stands there and git does not know it', async () => {
    const root = testdir({ [PATH]: 'text', '.git-own/': '' });
    const own = join(root, '.git-own');
    takeAside(root, PATH, own, blobOid(Buffer.from('text')));
    writeFileSync(join(root, PATH), 'new');
    const [kept = ''] = await recoverAside(root, own, join(root, 'kept'), known(false));
    expect(readFileSync(kept, 'utf8')).toBe('text');
    expect(readFileSync(join(root, PATH), 'utf8')).toBe('new');
  });
});

describe('a message on its way while the exchange looks', () => {
  it('is not gone: a crash in the middle of bringing it up is no deletion', async () => {
    const url = bareRepository();
    const [a, b] = [await gitHost(url, 'a-1'), await gitHost(url, 'b-1')];
    a.write(PATH, 'text\n');
    await sync(a, b);
    await b.exchange.close();
    takeAside(b.root, PATH, join(b.root, '.mailboxd/git'), blobOid(Buffer.from('text\n')));
    const again = await openHost(b.root, url, 'b-1');
    await sync(again, a);
    expect(a.read(PATH)).toBe('text\n');
    expect(again.read(PATH)).toBe('text\n');
    await a.exchange.close();
    await again.exchange.close();
  });

  it('is not gone while the store moves it under a hidden name', async () => {
    const url = bareRepository();
    const [a, b] = [await gitHost(url, 'a-1'), await gitHost(url, 'b-1')];
    a.write(PATH, 'text\n');
    await sync(a, b);
    const hidden = join(a.root, 'mailboxes/server/failed/.move~1.1~abc~x.md');
    mkdirSync(join(a.root, 'mailboxes/server/failed'), { recursive: true });
    renameSync(join(a.root, PATH), hidden);
    await sync(a, b);
    expect(b.read(PATH)).toBe('text\n');
    renameSync(hidden, join(a.root, 'mailboxes/server/failed/x.md'));
    await sync(a, b);
    expect(existsSync(join(b.root, PATH))).toBe(false);
    expect(b.read('mailboxes/server/failed/x.md')).toBe('text\n');
    await a.exchange.close();
    await b.exchange.close();
  });
});
