import { describe, expect, it } from 'vitest';
import { makeKey, sendSigned, signedRoot } from '../mailbox/signing/keys.js';
import { drop, pathOf, runDaemon } from '../support/daemon.js';
import { existsSync } from 'node:fs';
import { waitUntil } from '../support/wait-until.js';

const key = makeKey();

describe('a chat to a running task, where its sender must sign', () => {
  it('is left to be read when it is not signed, and put in when it is', async () => {
    const root = signedRoot(key, '{ require: true }');
    const task = await sendSigned(root, key, 'simulate: duration 30s\nsimulate: length 5000\n');
    await using d = await runDaemon(root);
    await d.event('claimed', task.place.name);
    drop(root, 'server', 'forged.md', `---\ntype: chat\nfrom: laptop\nin_reply_to: "${task.id}"\n---\nFORGED\n`);
    await waitUntil(
      () => d.events.some((event) => event.type === 'trouble' && event.message.includes('forged.md waits to be read')),
      { what: 'the unsigned chat to be left alone' },
    );
    const signed = await sendSigned(root, key, 'SIGNED', { fields: { type: 'chat', in_reply_to: task.id } });
    await waitUntil(() => existsSync(pathOf(root, 'server', 'complete', signed.place.name)), {
      what: 'the signed chat to be taken in',
    });
    expect(existsSync(pathOf(root, 'server', 'inbox', 'forged.md'))).toBe(true);
    const output = d.events.flatMap((event) => (event.type === 'output' ? [event.text] : [])).join('');
    expect(output).not.toContain('FORGED');
  });
});
