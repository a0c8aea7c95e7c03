/** What happens in the folders while a push is under way. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { bareRepository, git, gitHost, sync, type GitHost } from '../support/git-host.js';

let url: string;
let a: GitHost;
let b: GitHost;

beforeEach(async () => {
  url = bareRepository();
  a = await gitHost(url, 'a-1');
  b = await gitHost(url, 'b-1');
  a.write('mailboxes/server/inbox/x.md', '---\nid: "x-1"\n---\nAs it was.\n');
  await sync(a, b);
});

afterEach(async () => {
  for (const { exchange } of [a, b]) await exchange.close();
});

const files = (): string[] => git(url, 'ls-tree', '-r', '--name-only', 'main').split('\n');

/** After the next push of this host. */
function afterPush(host: GitHost, then: () => void): void {
  const { remote } = host.exchange.state;
  const { push } = remote;
  remote.push = async (updates, options) => {
    remote.push = push;
    const result = await push(updates, options);
    then();
    return result;
  };
}

it('a message that is moved then is one message still, where another edited it', async () => {
  b.write('mailboxes/server/inbox/x.md', '---\nid: "x-1"\n---\nAs the other wants it.\n');
  await sync(b);
  a.write('mailboxes/server/inbox/y.md', 'Another.\n');
  mkdirSync(join(a.root, 'mailboxes/server/failed'), { recursive: true });
  afterPush(a, () =>
    renameSync(join(a.root, 'mailboxes/server/inbox/x.md'), join(a.root, 'mailboxes/server/failed/x.md')),
  );
  await sync(a, b, a);
  expect(files()).toEqual(['mailboxes/server/failed/x.md', 'mailboxes/server/inbox/y.md']);
  expect(a.read('mailboxes/server/failed/x.md')).toContain('As the other wants it.');
  expect(b.read('mailboxes/server/failed/x.md')).toContain('As the other wants it.');
});

it('a file without id is not doubled when the folders cannot be written after the push', async () => {
  b.write('mailboxes/server/inbox/new.md', 'From the other.\n');
  await sync(b);
  a.write('mailboxes/server/inbox/bare.md', 'Bare.\n');
  const { objects } = a.exchange.state.repository;
  const { readFile } = objects;
  afterPush(a, () => {
    objects.readFile = () => {
      objects.readFile = readFile;
      throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    };
  });
  a.exchange.ring({ remote: true });
  await a.exchange.settled();
  expect(a.exchange.status.problem?.message).toContain('ENOSPC');
  a.write('mailboxes/server/inbox/bare.md', 'Bare, and edited.\n');
  await sync(a, b, a);
  expect(b.read('mailboxes/server/inbox/bare.md')).toBe('Bare, and edited.\n');
  expect(files()).toEqual(['bare.md', 'new.md', 'x.md'].map((name) => `mailboxes/server/inbox/${name}`));
});

it('a remote that refuses main for no reason that can be seen is told of, and not asked again at once', async () => {
  writeFileSync(join(url, 'hooks/update'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  a.write('mailboxes/server/inbox/y.md', 'Another.\n');
  a.exchange.ring({ remote: true });
  await a.exchange.settled();
  expect(a.exchange.status.problem?.message).toContain('refuses');
  writeFileSync(join(url, 'hooks/update'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  await sync(a, b);
  expect(files()).toContain('mailboxes/server/inbox/y.md');
});
