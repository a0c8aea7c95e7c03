import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { arrived, drop, runDaemon, testRoot, tree } from '../support/daemon.js';
import { waitUntil } from '../support/wait-until.js';

describe('a dropped file becomes finished work', () => {
  it('keeps what the person wrote byte for byte, and writes the answer below it', async () => {
    const root = testRoot();
    await using d = await runDaemon(root);
    drop(root, 'server', 'hello.md', 'Say hello');
    const done = await arrived(root, 'server', 'complete', 'hello.md');
    const [front, rest] = done.split(/(?<=\n---\n)/);
    expect(front).toMatch(/^---\nid: "[0-9a-f-]{36}"\n/);
    expect(rest).toMatch(/^Say hello\n<!-- run 1 · 1-[a-z2-7]{20} -->\n## Run 1\n/);
    expect(rest).toMatch(/\n<!-- result 1 · 1-[a-z2-7]{20} -->\n## Result\n\nThis is a simulated run/);
    expect(front).toMatch(/result: \{ outcome: "complete", .*runner: "simulator"/);
    await d.event('finished', 'hello.md');
    expect(tree(root)).toEqual(['server/complete/hello.md']);
  });

  it('keeps comments, key order, quoting, CRLF and a byte order mark of the front matter', async () => {
    const root = testRoot();
    await using _d = await runDaemon(root);
    const own =
      "\ufeff---\r\n# mine\r\npriority: 'high'   # now\r\nmetadata: { b: 1,   a: [ x ] }\r\nsubject: yes\r\n---\r\nTwo\tthings \r\n\r\n";
    drop(root, 'server', 'two.md', own);
    const done = await arrived(root, 'server', 'complete', 'two.md');
    const head = own.slice(0, own.lastIndexOf('---\r\n'));
    const body = own.slice(own.lastIndexOf('---\r\n') + 5);
    expect(done.startsWith(head)).toBe(true);
    expect(done).toContain(`\r\n---\r\n${body}\r\n<!-- run 1`);
    expect(done.replaceAll('\r\n', '')).not.toContain('\n');
  });

  it('writes the raw events to the run record, and the session before the run starts', async () => {
    const root = testRoot();
    await using d = await runDaemon(root);
    drop(root, 'server', 'a.md', 'simulate: duration 300ms\nsimulate: answer done');
    const claimed = await d.event('claimed', 'a.md');
    const running = readFileSync(join(root, 'mailboxes/server/in_progress/a.md'), 'utf8');
    expect(running).toMatch(/claim: \{ worker: "server@test-host", epoch: 1, .*session: "[0-9a-f-]{36}" \}/);
    await d.event('finished', 'a.md');
    const lines = readFileSync(join(root, `.mailboxd/runs/${claimed.id}/1.ndjson`), 'utf8')
      .trim()
      .split('\n');
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines) expect(() => void JSON.parse(line)).not.toThrow();
  });

  it('appends the answer while it streams', async () => {
    const root = testRoot();
    await using _d = await runDaemon(root);
    drop(root, 'server', 'slow.md', 'simulate: duration 1500ms\nsimulate: length 3000');
    const sizes = new Set<number>();
    await waitUntil(
      () => {
        const there = tree(root);
        if (there.includes('server/in_progress/slow.md')) {
          sizes.add(readFileSync(join(root, 'mailboxes/server/in_progress/slow.md')).length);
        }
        return there.includes('server/complete/slow.md');
      },
      { what: 'the end' },
    );
    expect(sizes.size).toBeGreaterThan(5);
  });

  it('folds tool calls to a few lines, and text can never form a marker', async () => {
    const root = testRoot();
    await using _d = await runDaemon(root);
    const fake = '<!-- result 1 · 1-aaaaaaaaaaaaaaaaaaaa -->';
    drop(root, 'server', 't.md', `simulate: tool Bash {"command":"ls -la"}\nsimulate: answer ${fake}`);
    const done = await arrived(root, 'server', 'complete', 't.md');
    expect(done).toContain('> **Bash** `ls -la`');
    expect(done.match(/^<!-- result 1 · /gm)).toHaveLength(1);
    expect(done).toContain('&lt;!-- result 1');
  });
});

describe('order and bounds', () => {
  it('runs by priority, then by age', async () => {
    const root = testRoot('limits: { concurrency: 1, host_concurrency: 1 }\n');
    const file = (priority: string, created: string): string =>
      `---\npriority: ${priority}\ncreated: "${created}"\n---\nx\n`;
    drop(root, 'server', 'd.md', file('low', '2020-01-01T00:00:00Z'));
    drop(root, 'server', 'c.md', file('normal', '2021-01-02T00:00:00Z'));
    drop(root, 'server', 'b.md', file('normal', '2021-01-01T00:00:00Z'));
    drop(root, 'server', 'a.md', file('urgent', '2022-01-01T00:00:00Z'));
    await waitUntil(() => tree(root).length === 4);
    await new Promise((resolve) => setTimeout(resolve, 120)); // past the rest a dropped file needs, so that all are seen at once
    await using d = await runDaemon(root);
    await d.event('finished', 'd.md');
    const order = d.events.filter((event) => event.type === 'claimed').map((event) => event.place.name);
    expect(order).toEqual(['a.md', 'b.md', 'c.md', 'd.md']);
  });

  it('runs at most `concurrency` a mailbox and `host_concurrency` in all', async () => {
    const root = testRoot('limits: { concurrency: 2, host_concurrency: 3 }\n');
    for (const mailbox of ['laptop', 'server']) {
      for (let i = 0; i < 5; i += 1) drop(root, mailbox, `${i}.md`, 'simulate: duration 80ms');
    }
    let most = 0;
    let mostServer = 0;
    const running = new Map<string, string>();
    await using d = await runDaemon(root, {
      onEvent(event) {
        if (event.type === 'claimed') running.set(event.id, event.place.mailbox);
        if (event.type === 'finished') running.delete(event.id);
        most = Math.max(most, running.size);
        mostServer = Math.max(mostServer, [...running.values()].filter((mailbox) => mailbox === 'server').length);
      },
    });
    await waitUntil(() => d.events.filter((event) => event.type === 'finished').length === 10);
    expect(most).toBe(3);
    expect(mostServer).toBe(2);
  });

  it('does not run a task before its time, and runs it then', async () => {
    const root = testRoot();
    await using d = await runDaemon(root);
    const due = Date.now() + 700;
    drop(root, 'server', 'later.md', `---\nnot_before: "${new Date(due).toISOString()}"\n---\nx\n`);
    drop(root, 'server', 'now.md', 'x');
    await d.event('finished', 'now.md');
    expect(tree(root)).toContain('server/inbox/later.md');
    await d.event('claimed', 'later.md');
    expect(Date.now()).toBeGreaterThanOrEqual(due);
    await d.event('finished', 'later.md');
  });

  it('stops a run at its timeout, and says so', async () => {
    const root = testRoot();
    await using d = await runDaemon(root);
    drop(root, 'server', 'hang.md', '---\ntimeout: 200ms\nmax_attempts: 1\n---\nsimulate: hang\n');
    await d.event('finished', 'hang.md');
    const failed = await arrived(root, 'server', 'failed', 'hang.md');
    expect(failed).toContain('code: "timeout"');
    expect(failed).toMatch(/## Result\n\n\*\*Failed\*\* \(timeout\): it ran longer than 200ms/);
  });

  it('stops a run that writes too much', async () => {
    const root = testRoot('limits: { output_bytes: 2000 }\n');
    await using d = await runDaemon(root);
    drop(root, 'server', 'big.md', 'simulate: length 100000\nsimulate: duration 500ms');
    await d.event('finished', 'big.md');
    expect(await arrived(root, 'server', 'failed', 'big.md')).toContain('code: "output_too_large"');
  });

  it('--once works off what is due, leaves chats and later tasks, and ends', async () => {
    const root = testRoot();
    drop(root, 'server', 'a.md', 'x');
    drop(root, 'laptop', 'b.md', 'x');
    drop(root, 'server', 'chat.md', '---\ntype: chat\n---\nhi\n');
    drop(root, 'server', 'later.md', '---\nnot_before: "2999-01-01T00:00:00Z"\n---\nx\n');
    const { daemon } = await runDaemon(root, { once: true });
    await daemon.ended;
    expect(tree(root)).toEqual([
      'laptop/complete/b.md',
      'server/complete/a.md',
      'server/inbox/chat.md',
      'server/inbox/later.md',
    ]);
  });
});
