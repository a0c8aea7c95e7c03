/** What once stopped the daemon, kept it from starting, or kept a message from ever being looked at again. */
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createParking } from '../../src/daemon/parking.js';
import { arrived, drop, pathOf, runDaemon, testRoot, tree } from '../support/daemon.js';
import { testdir } from '../support/testdir.js';
import { waitUntil } from '../support/wait-until.js';

describe('the start', () => {
  it('is not stopped by folders that bear hidden names', async () => {
    const root = testRoot();
    for (const name of ['.claim~1.1~abc~x.md', '.held~abc~1~1~x.md', '.tmp~1~abc', '.move~1.1~abc~x.md'])
      mkdirSync(join(root, 'mailboxes/server/in_progress', name));
    await using d = await runDaemon(root);
    drop(root, 'server', 'y.md', 'hello');
    await d.event('finished', 'y.md');
  });

  it('is not stopped by a file in in_progress/ whose front matter cannot be edited', async () => {
    const root = testRoot();
    writeFileSync(pathOf(root, 'server', 'in_progress', 'x.md'), '---\n{ id: "a", claim: { worker: "w" } }\n---\nhi\n');
    await using d = await runDaemon(root);
    drop(root, 'server', 'y.md', 'hello');
    await d.event('finished', 'y.md');
  });

  it('is not stopped by a link in the scratch folder that leads to itself', async () => {
    const root = testRoot('keep: 1s\n');
    mkdirSync(join(root, '.mailboxd/scratch'), { recursive: true });
    symlinkSync('loop', join(root, '.mailboxd/scratch/loop'));
    await using d = await runDaemon(root);
    drop(root, 'server', 'y.md', 'hello');
    await d.event('finished', 'y.md');
  });

  it('is not stopped by a reply that cannot be sent, and does not keep it for ever', async () => {
    const root = testRoot('create_mailboxes: false\n');
    {
      await using d = await runDaemon(root);
      drop(root, 'server', 'x.md', '---\nid: task-1\nfrom: ghost\nreply: true\n---\nhi\n');
      await arrived(root, 'server', 'complete', 'x.md');
      await d.event('trouble');
    }
    writeFileSync(join(root, '.mailboxd/replies/task-1.1'), '');
    await using d = await runDaemon(root);
    drop(root, 'server', 'y.md', 'hello');
    await d.event('finished', 'y.md');
    expect(existsSync(join(root, '.mailboxd/replies/task-1.1'))).toBe(false);
  });
});

describe('a reply', () => {
  it('is the answer even where that looks like front matter', async () => {
    const root = testRoot();
    await using d = await runDaemon(root);
    drop(root, 'server', 'x.md', '---\nid: task-1\nfrom: laptop\nreply: true\n---\nsimulate: answer ---\n');
    await d.event('finished', 'x.md');
    await waitUntil(() => tree(root).some((path) => path.startsWith('laptop/inbox/')), { what: 'the reply' });
  });
});

describe('empty files', () => {
  it('do not make the daemon look ever more often', async () => {
    const root = testRoot();
    await using d = await runDaemon(root);
    const started = process.cpuUsage();
    for (const name of 'abcdefghijklmnop') drop(root, 'server', `${name}.md`, '');
    const until = performance.now() + 6_000;
    await waitUntil(() => performance.now() > until, { timeout: 30_000, what: 'six seconds' });
    const used = process.cpuUsage(started);
    drop(root, 'server', 'y.md', 'hello');
    await d.event('finished', 'y.md');
    expect((used.user + used.system) / 1_000).toBeLessThan(1_500);
  });

  it('that lie there do not keep `--once` from ending', async () => {
    const root = testRoot();
    drop(root, 'server', 'a.md', '');
    utimesSync(pathOf(root, 'server', 'inbox', 'a.md'), new Date(Date.now() - 60_000), new Date(Date.now() - 60_000));
    await using d = await runDaemon(root, { once: true });
    let ended = false;
    void d.daemon.ended.then(() => (ended = true));
    await waitUntil(() => ended, { timeout: 6_000, what: 'the end' });
  });
});

describe('a parked mailbox', () => {
  it('is tried again when the task that was tried never ran', async () => {
    const root = testRoot();
    const past = new Date(Date.now() - 1_000).toISOString();
    writeFileSync(
      join(root, '.mailboxd/parked.json'),
      JSON.stringify([{ mailbox: 'server', reason: 'login', message: 'x', since: past, next_try: past, tries: 0 }]),
    );
    drop(
      root,
      'server',
      'a.md',
      '---\nid: a\npriority: urgent\noptions: { permission_mode: bypassPermissions }\n---\nrefused\n',
    );
    drop(root, 'server', 'b.md', 'hello');
    await using d = await runDaemon(root);
    await d.event('refused', 'a.md');
    await d.event('finished', 'b.md', 5_000);
  });

  it('is tried again also when a limit is said to lift in a year that no date can hold', () => {
    const parking = createParking(testdir({ '.mailboxd/': '' }), Date.now());
    const item = parking.park('server', 'usage_limit', 'x', Date.now(), 1.7e18);
    expect(Date.parse(item.next_try) - Date.now()).toBeLessThan(32 * 86_400_000);
  });
});

describe('stop', () => {
  it('hands back a task whose claim was under way', async () => {
    const root = testRoot();
    const d = await runDaemon(root, {});
    drop(root, 'server', 'x.md', 'simulate: duration 20s\nsimulate: length 2000\n');
    await waitUntil(() => tree(root).some((path) => path.includes('in_progress/.claim~')), {
      timeout: 5_000,
      what: 'the claim',
    }).catch(() => undefined);
    const began = performance.now();
    await d.daemon.stop(0);
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});

describe('folders', () => {
  it('that were removed are made again when a message ends there', async () => {
    const root = testRoot();
    await using d = await runDaemon(root);
    rmSync(join(root, 'mailboxes/server/complete'), { recursive: true });
    drop(root, 'server', 'x.md', 'hello');
    await arrived(root, 'server', 'complete', 'x.md', 3_000);
    await d.event('finished', 'x.md');
  });

  it('that are links are not written to', async () => {
    const root = testRoot();
    const outside = testdir({ 'secret.md': 'mine' });
    rmSync(join(root, 'mailboxes/server/complete'), { recursive: true });
    symlinkSync(outside, join(root, 'mailboxes/server/complete'));
    await using d = await runDaemon(root);
    drop(root, 'server', 'x.md', 'hello');
    await d.event('trouble');
    expect(existsSync(join(outside, 'x.md'))).toBe(false);
  });
});

describe('a file in in_progress/ that no worker of this host claimed', () => {
  it('cannot make the daemon write outside of its folder', async () => {
    const root = testRoot();
    const outside = testdir({ 'victim.1': 'precious' });
    const up = `../../../../../../../../../../..${outside}/victim`;
    writeFileSync(
      pathOf(root, 'server', 'in_progress', 'x.md'),
      `---\nid: "${up}"\nreply: true\nfrom: laptop\non_crash: fail\nclaim: { worker: "server@test-host", epoch: 1, at: "2026-01-01T00:00:00Z", token: "1-aaaaaaaaaaaaaaaaaaaa", process: "1.1", take: "abc" }\n---\nhi\n`,
    );
    await using d = await runDaemon(root);
    drop(root, 'server', 'y.md', 'hello');
    await d.event('finished', 'y.md');
    expect(readFileSync(join(outside, 'victim.1'), 'utf8')).toBe('precious');
    const refused = await arrived(root, 'server', 'failed', 'x.md');
    expect(refused).toContain('## Refused');
  });
});
