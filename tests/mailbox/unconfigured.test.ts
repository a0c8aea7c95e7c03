/** A root without `.mailboxd/config.yaml`: this host has no key, so that nothing it wrote could be trusted later. */
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openMailboxes } from '../../src/mailbox/open.js';
import { readRoot } from '../../src/mailbox/root.js';
import { arrived, drop, pathOf, runDaemon, testRoot } from '../support/daemon.js';

it('cancel and ack move the file and write nothing; what is retried is run once there is a configuration', async () => {
  const root = testRoot();
  const config = join(root, '.mailboxd/config.yaml');
  renameSync(config, `${config}.away`);
  drop(root, 'server', 'bare.md', 'Say hello\n');
  drop(root, 'laptop', 'chat.md', '---\ntype: chat\n---\nHi\n');
  {
    await using desk = await openMailboxes(root);
    const sent = await desk.send({ to: 'server', text: 'Say hello again' });
    const asSent = readFileSync(pathOf(root, 'server', 'inbox', sent.place.name), 'utf8');
    expect(await desk.cancel(sent.id)).toMatchObject({ state: 'failed', name: sent.place.name });
    expect(readFileSync(pathOf(root, 'server', 'failed', sent.place.name), 'utf8')).toBe(asSent);
    await desk.cancel('server/inbox/bare.md');
    expect(readFileSync(pathOf(root, 'server', 'failed', 'bare.md'), 'utf8')).toBe('Say hello\n');
    await desk.ack('laptop/inbox/chat.md');
    expect(readFileSync(pathOf(root, 'laptop', 'complete', 'chat.md'), 'utf8')).toBe('---\ntype: chat\n---\nHi\n');
    await desk.retry(sent.id);
    await desk.retry('server/failed/bare.md');
    renameSync(`${config}.away`, config);
    await using d = await runDaemon(root, { once: true });
    await d.daemon.ended;
    await arrived(root, 'server', 'complete', 'bare.md');
    expect(await arrived(root, 'server', 'complete', sent.place.name)).toContain('Say hello again');
  }
});

it('a folder in the place of the configuration is told', () => {
  const root = testRoot();
  const config = join(root, '.mailboxd/config.yaml');
  rmSync(config);
  mkdirSync(config);
  expect(() => readRoot(root)).toThrow(/found a folder in the place of .*config\.yaml, expected a file/);
});

it('a refused file without a text is called by its name', async () => {
  const root = testRoot();
  drop(root, 'server', 'empty.md', '---\npriority: high\n---\n');
  await using d = await runDaemon(root, { once: true });
  await d.daemon.ended;
  expect(await arrived(root, 'server', 'failed', 'empty.md')).toContain('## Refused');
  await using desk = await openMailboxes(root);
  expect((await desk.list()).records).toMatchObject([{ name: 'empty.md', subject: 'empty', outcome: 'refused' }]);
});
