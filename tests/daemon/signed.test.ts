import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Place } from '../../src/core/message.js';
import { readRoot } from '../../src/mailbox/root.js';
import { checkSignature } from '../../src/mailbox/signing/check.js';
import { messagePath } from '../../src/store/paths.js';
import { allow, makeKey, sendSigned, signedRoot } from '../mailbox/signing/keys.js';
import { arrived, drop, pathOf, runDaemon, testRoot, tree } from '../support/daemon.js';

const key = makeKey();
const stranger = makeKey();

const at = (root: string, state: Place['state'], name: string): string => pathOf(root, 'server', state, name);
const move = (root: string, from: Place['state'], name: string): void =>
  renameSync(at(root, from, name), at(root, 'inbox', name));

/** The file's text once it stands in `failed/`, and that nothing ran. */
async function refused(root: string, name: string, mailbox = 'server'): Promise<string> {
  const text = await arrived(root, mailbox, 'failed', name);
  expect(text).toContain('## Refused');
  expect(text).not.toContain('## Run');
  return text;
}

describe('a signed message', () => {
  it('is claimed, run, failed, retried and finished, and its signature holds all the while', async () => {
    const root = signedRoot(
      key,
      '{ require: true, max_age: 1h }',
      'allow: { runners: [command] }\nrunners: { command: { argv: [cat] } }\n',
    );
    const opened = readRoot(root);
    const { place, id } = await sendSigned(root, key, 'simulate: fail-times 1\nsimulate: length 300\n', {
      fields: { max_attempts: 1 },
    });
    const echo = await sendSigned(root, key, 'Say it.\n', { fields: { options: { runner: 'command' } } });
    {
      await using d = await runDaemon(root);
      await d.event('finished', place.name);
      const failed = { ...place, state: 'failed' as const };
      expect((await checkSignature(opened, failed, Date.now()))?.signedId).toBe(id);
      await arrived(root, 'server', 'complete', echo.place.name);
    }
    // Another process, which knows of the first run from the disk alone.
    move(root, 'failed', place.name);
    await using _ = await runDaemon(root);
    const text = await arrived(root, 'server', 'complete', place.name);
    expect(text).toMatch(/## Run 1[\s\S]*## Run 2[\s\S]*## Result/);
    const complete = { ...place, state: 'complete' as const };
    expect(await checkSignature(opened, complete, Date.now())).toMatchObject({
      signedId: id,
      refusal: undefined,
      epoch: 2,
    });
    const echoed = readFileSync(at(root, 'complete', echo.place.name), 'utf8').split('## Run 1')[1] ?? '';
    expect(echoed).toContain('Say it.');
    expect(echoed).not.toMatch(/signature|U1NIU0lH/);
  });

  it('is refused with a reason when there is no signature, and whoever must not sign need not', async () => {
    const root = signedRoot(key, '{ require: [laptop] }');
    await using _ = await runDaemon(root);
    drop(root, 'server', 'x.md', '---\nfrom: laptop\n---\nHello.\n');
    const text = await refused(root, 'x.md');
    expect(text).toContain('Found no signature, expected one by a key of laptop');
    expect(text).toContain('mailboxd send --sign');
    drop(root, 'server', 'y.md', '---\nfrom: ops\n---\nHello.\n');
    await arrived(root, 'server', 'complete', 'y.md');
  });

  it.each([
    ['its text', (text: string) => text.replace('Hello', 'Hullo')],
    ['a field', (text: string) => text.replace('priority: "low"', 'priority: "high"')],
    ['a new field', (text: string) => text.replace('---\n', '---\nmax_attempts: 9\n')],
    ['its sender', (text: string) => text.replace('from: "laptop"', 'from: "ops"')],
    ['its id', (text: string) => text.replace(/id: "(.)/, 'id: "f$1')],
    ['its signature', (text: string) => text.replace(/^signature: .*/m, 'signature: Best, Bob')],
  ])('is refused when somebody altered %s', async (_, alter) => {
    const root = signedRoot(key, '{ require: false }');
    allow(root, ['laptop', key], ['ops', key]);
    const { place } = await sendSigned(root, key, 'Hello.\n', { fields: { priority: 'low' } });
    const text = readFileSync(messagePath(root, place), 'utf8');
    expect(alter(text)).not.toBe(text);
    writeFileSync(messagePath(root, place), alter(text));
    await using d = await runDaemon(root);
    expect(await refused(root, place.name)).toContain('was altered after it was signed');
    await d.event('refused', place.name);
  });

  it('is refused when its key may not sign for its sender, and runs on a retry once it may', async () => {
    const root = signedRoot(key);
    const { place } = await sendSigned(root, stranger, 'Hello.\n');
    const opsAsLaptop = await sendSigned(root, stranger, 'Hello.\n');
    allow(root, ['laptop', key], ['ops', stranger]);
    await using d = await runDaemon(root);
    await refused(root, opsAsLaptop.place.name);
    const text = await refused(root, place.name);
    expect(text).toMatch(
      /Found a signature by the ED25519 key SHA256:\S+, expected one by a key that may sign for laptop/,
    );
    await d.event('refused', place.name);
    allow(root, ['laptop', key], ['laptop', stranger]);
    move(root, 'failed', place.name);
    await arrived(root, 'server', 'complete', place.name);
  });

  it('is refused when it is too old or from the future, but not when it was told to wait', async () => {
    const root = signedRoot(key, '{ require: true, max_age: 1h }');
    const ago = (hours: number): string => new Date(Date.now() - hours * 3_600_000).toISOString();
    const send = async (fields: Record<string, string>): Promise<string> =>
      (await sendSigned(root, key, 'Hello.\n', { fields })).place.name;
    const old = await send({ created: ago(2) });
    const early = await send({ created: ago(-2) });
    const late = await send({ created: ago(5), not_before: ago(0.5) });
    await using d = await runDaemon(root);
    expect(await refused(root, old)).toMatch(/has expired: the message is 2h 0m old, expected at most 1h 0m/);
    expect(await refused(root, early)).toContain('which is in the future here');
    await arrived(root, 'server', 'complete', late);
    await d.event('refused', old);
    // Having been refused here proves nothing.
    move(root, 'failed', old);
    expect((await refused(root, old)).match(/has expired/g)?.length).toBeGreaterThan(1);
  });

  it('is refused in another mailbox than it was signed for', async () => {
    const root = signedRoot(key);
    const { place } = await sendSigned(root, key, 'Hello.\n');
    renameSync(messagePath(root, place), pathOf(root, 'laptop', 'inbox', 'x.md'));
    await using _ = await runDaemon(root);
    const text = await refused(root, 'x.md', 'laptop');
    expect(text).toContain('Found a message signed for server in the mailbox laptop');
    expect(text).toContain('have its sender send it to laptop');
  });

  it('counts for nothing where nobody said whose keys do', async () => {
    const root = testRoot();
    await using _ = await runDaemon(root);
    drop(root, 'server', 'x.md', '---\nfrom: laptop\nsignature: Best, Bob\n---\nHello.\n');
    await arrived(root, 'server', 'complete', 'x.md');
  });

  it('waits where its keys are missing', async () => {
    const root = signedRoot(key);
    rmSync(join(root, '.mailboxd/allowed_signers'));
    const { place } = await sendSigned(root, key, 'Hello.\n');
    await using d = await runDaemon(root);
    expect(await d.event('trouble')).toMatchObject({ message: expect.stringContaining('found no file') });
    expect(tree(root)).toContain(`server/inbox/${place.name}`);
    allow(root, ['laptop', key]);
    await arrived(root, 'server', 'complete', place.name);
  });
});

describe('a replay', () => {
  const again = /Found the signed message \S+ again \(replayed\)/;

  it('is refused while the message runs and after it has finished', async () => {
    const root = signedRoot(key);
    const { place } = await sendSigned(root, key, 'simulate: duration 1s\nsimulate: length 500\n');
    const recorded = readFileSync(messagePath(root, place));
    await using d = await runDaemon(root);
    await d.event('output', place.name);
    drop(root, 'server', 'while.md', recorded);
    expect(await refused(root, 'while.md')).toMatch(again);
    await arrived(root, 'server', 'complete', place.name);
    drop(root, 'server', 'after.md', recorded);
    expect(await refused(root, 'after.md')).toMatch(again);
    copyFileSync(at(root, 'complete', place.name), at(root, 'inbox', 'whole.md'));
    expect(await arrived(root, 'server', 'failed', 'whole.md')).toMatch(again);
  });

  it('is refused after the finished message was deleted, by another process too, and again on a retry', async () => {
    const root = signedRoot(key);
    const { place } = await sendSigned(root, key, 'Hello.\n');
    const recorded = readFileSync(messagePath(root, place));
    {
      await using d = await runDaemon(root);
      await d.event('finished', place.name);
      rmSync(at(root, 'complete', place.name));
      drop(root, 'server', 'same.md', recorded);
      expect(await refused(root, 'same.md')).toMatch(again);
      rmSync(at(root, 'failed', 'same.md'));
    }
    drop(root, 'server', 'other.md', recorded);
    await using d = await runDaemon(root);
    expect(await refused(root, 'other.md')).toMatch(again);
    await d.event('refused', 'other.md');
    move(root, 'failed', 'other.md');
    const text = await refused(root, 'other.md');
    expect(text.match(/replayed/g)?.length).toBeGreaterThan(1);
  });

  it('is refused, on a retry too, when the first was answered without a run', async () => {
    const root = signedRoot(key, '{ require: true }', 'cache: 1h\n');
    await using d = await runDaemon(root);
    await d.event('finished', (await sendSigned(root, key, 'Hello.\n')).place.name);
    const elsewhere = testRoot();
    const { place } = await sendSigned(elsewhere, key, 'Hello.\n');
    const recorded = readFileSync(messagePath(elsewhere, place));
    drop(root, 'server', 'cached.md', recorded);
    expect(await arrived(root, 'server', 'complete', 'cached.md')).toContain('cached_from');
    rmSync(at(root, 'complete', 'cached.md'));
    drop(root, 'server', 'again.md', recorded);
    expect(await refused(root, 'again.md')).toMatch(again);
    await d.event('refused', 'again.md');
    move(root, 'failed', 'again.md');
    expect((await refused(root, 'again.md')).match(/replayed/g)?.length).toBeGreaterThan(1);
  });

  it('is none when a person moves the finished file itself, but is when they put an older state of it back', async () => {
    const root = signedRoot(key);
    const { place } = await sendSigned(root, key, 'Hello.\n');
    await using d = await runDaemon(root);
    await d.event('finished', place.name);
    const first = readFileSync(at(root, 'complete', place.name));
    move(root, 'complete', place.name);
    expect(await arrived(root, 'server', 'complete', place.name)).toContain('## Run 2');
    rmSync(at(root, 'complete', place.name));
    drop(root, 'server', 'older.md', first);
    expect(await arrived(root, 'server', 'failed', 'older.md')).toMatch(again);
  });
});
