import { describe, expect, it } from 'vitest';
import { arrived, runDaemon } from '../support/daemon.js';
import { bareRepository, gitHost, remoteRoot, sync, type GitHost } from '../support/git-host.js';

const ECHO = 'lease: 1s\nallow: { runners: [command] }\nrunners: { command: { argv: [cat] } }\n';
const REQUEST = { mailbox: 'server', state: 'inbox', name: 'x.md' } as const;

/** A host that claims the message and is not heard of again. */
async function claimAndVanish(url: string, text: string): Promise<GitHost> {
  const gone = await gitHost(url, 'gone-1', { lease: 1_000 });
  gone.write('mailboxes/server/inbox/x.md', text);
  await sync(gone);
  const answer = gone.exchange.claim(REQUEST);
  await gone.exchange.settled();
  expect((await answer).kind).toBe('granted');
  return gone;
}

describe('a task whose worker on another host is not heard of any more', () => {
  it('begins anew, told of the interruption, with the crash and its worker on record', async () => {
    const url = bareRepository();
    const gone = await claimAndVanish(url, '---\nid: m1\noptions: { runner: command }\n---\nSay it.\n');
    await using _ = await runDaemon(remoteRoot(url, 'here-1', ['server'], ECHO));
    await _.event('finished', 'x.md', 20_000);
    const text = await arrived(_.daemon.desk.root.dir, 'server', 'complete', 'x.md');
    expect(text).toContain('Say it.');
    expect(text).toContain('This task was begun before. You were interrupted');
    expect(text).toMatch(/crashes: 1/);
    expect(text).toMatch(/outcome: "?interrupted"?/);
    expect(text).toContain('server@gone-1');
    expect(text).toContain('## Run 2');
    await gone.exchange.close();
  });

  it('fails, where it may not be begun twice', async () => {
    const url = bareRepository();
    const gone = await claimAndVanish(url, '---\nid: m1\non_crash: fail\n---\nSay it.\n');
    await using _ = await runDaemon(remoteRoot(url, 'here-1', ['server'], 'lease: 1s\n'));
    const text = await arrived(_.daemon.desk.root.dir, 'server', 'failed', 'x.md', 20_000);
    expect(text).toContain('on_crash is fail');
    await gone.exchange.close();
  });
});
