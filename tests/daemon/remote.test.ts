import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { arrived, drop, pathOf, runDaemon } from '../support/daemon.js';
import { bareRepository, git, remoteRoot } from '../support/git-host.js';
import { waitUntil } from '../support/wait-until.js';

describe('a daemon on a root with a remote', () => {
  it('runs what another host delivered, and its answer is read there', async () => {
    const url = bareRepository();
    const laptop = remoteRoot(url, 'laptop-1', ['laptop']);
    const server = remoteRoot(url, 'server-1', ['server']);
    await using a = await runDaemon(laptop);
    await using b = await runDaemon(server);
    drop(laptop, 'server', 'hello.md', 'Say hello\n');
    const text = await arrived(laptop, 'server', 'complete', 'hello.md', 20_000);
    expect(text).toContain('## Result');
    expect(existsSync(pathOf(laptop, 'server', 'inbox', 'hello.md'))).toBe(false);
    await waitUntil(() => git(url, 'for-each-ref', 'refs/mailboxd/claims') === '', { what: 'the claim to be let go' });
    await waitUntil(() => git(laptop, 'status', '--porcelain') === '', { what: 'a clean checkout' });
    expect(b.events.filter(({ type }) => type === 'claimed')).toHaveLength(1);
    expect(a.events.filter(({ type }) => type === 'claimed')).toHaveLength(0);
  });
});
