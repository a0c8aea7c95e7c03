import { spawn } from 'node:child_process';
import { appendFileSync, closeSync, openSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { releaseHeld, takeMessage, type TakeDecision } from '../../src/store/claim.js';
import { deliverFile } from '../../src/store/deliver.js';
import { print } from '../support/print.js';
import { waitUntil } from '../support/wait-until.js';
import { at, makeBox, names, pathIn, read } from './box.js';

const RACER = fileURLToPath(new URL('./fixtures/racer.mjs', import.meta.url));
const claimed = (file: { bytes: Buffer } | { problem: unknown }): TakeDecision => ({
  state: 'in_progress',
  bytes: 'bytes' in file ? `${file.bytes.toString()}claimed\n` : '',
});

test('invariant 1: of many processes that race for the same files each file has one winner, and none is lost', {
  timeout: 60_000,
}, async () => {
  const root = makeBox();
  const racers = [1, 2, 3, 4].map((n) => {
    const child = spawn(process.execPath, [RACER, root, `racer${n}`], {
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.on('data', (data: Buffer) => (out += data.toString()));
    const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
    return {
      child,
      ended,
      lines: () => out.split('\n').filter((line) => line.startsWith('won')),
      isReady: () => out.startsWith('ready'),
    };
  });
  await waitUntil(() => racers.every((racer) => racer.isReady()), { timeout: 20_000, what: 'the racers' });
  const total = 150;
  for (let n = 0; n < total; n += 1) await deliverFile(root, at('inbox', `m-${n}.md`), `text ${n}\n`);
  // The same names again, while the first ones are being taken: they end as files of their own.
  for (let n = 0; n < total; n += 3) await deliverFile(root, at('inbox', `m-${n}.md`), `second ${n}\n`);
  const all = total + total / 3;
  await waitUntil(() => racers.flatMap((racer) => racer.lines()).length >= all && names(root, 'inbox').length === 0, {
    timeout: 20_000,
    what: 'all to be claimed',
  });
  for (const racer of racers) racer.child.kill('SIGTERM');
  await Promise.all(racers.map((racer) => racer.ended));
  const running = names(root, 'in_progress').filter((name) => !name.startsWith('.'));
  expect(running).toHaveLength(all);
  const texts = running.map((name) => read(root, 'in_progress', name));
  for (const text of texts) expect(text.match(/claimed by/g)).toHaveLength(1);
  for (let n = 0; n < total; n += 1) expect(texts.filter((text) => text.startsWith(`text ${n}\n`))).toHaveLength(1);
  for (let n = 0; n < total; n += 3) expect(texts.filter((text) => text.startsWith(`second ${n}\n`))).toHaveLength(1);
  print(`claim race: ${all} files, wins ${racers.map((racer) => racer.lines().length).join(' ')}, none twice`);
});

test('two files of one name that are claimed one after the other end as two', async () => {
  const root = makeBox({ 'inbox/a.md': 'one\n' });
  await takeMessage(root, at('inbox', 'a.md'), 'me', 1_000, claimed);
  await deliverFile(root, at('inbox', 'a.md'), 'two\n');
  const second = await takeMessage(root, at('inbox', 'a.md'), 'me', 1_000, claimed);
  expect(second.won && second.place.name).toMatch(/^a-\w{4}\.md$/);
  expect(names(root, 'in_progress').filter((name) => !name.startsWith('.'))).toHaveLength(2);
  expect(read(root, 'in_progress', 'a.md')).toBe('one\nclaimed\n');
});

test('what a slow writer still puts into a claimed file is found at the end, as a message of its own', async () => {
  const root = makeBox({ 'inbox/a.md': 'first half, ' });
  const fd = openSync(pathIn(root, 'inbox', 'a.md'), 'a');
  const taken = await takeMessage(root, at('inbox', 'a.md'), 'me', 1_000, claimed);
  writeSync(fd, 'second half\n');
  closeSync(fd);
  const late = releaseHeld(root, 'server', taken.won ? taken.take : '', 'a.md');
  expect(late?.name).toBe('a-late.md');
  expect(read(root, 'inbox', 'a-late.md')).toBe('first half, second half\n');
  expect(read(root, 'in_progress', 'a.md')).toBe('first half, claimed\n');
  expect(names(root, 'in_progress')).toEqual(['a.md']);
});

test('a decision that throws, or says no, leaves the file in the inbox as it was', async () => {
  const root = makeBox({ 'inbox/a.md': 'text\n' });
  expect(await takeMessage(root, at('inbox', 'a.md'), 'me', 1_000, () => undefined)).toEqual({
    won: false,
    returned: true,
  });
  await expect(
    takeMessage(root, at('inbox', 'a.md'), 'me', 1_000, () => {
      throw new Error('no room');
    }),
  ).rejects.toThrow('no room');
  expect(read(root, 'inbox', 'a.md')).toBe('text\n');
  expect(names(root, 'in_progress')).toEqual([]);
  expect(await takeMessage(root, at('inbox', 'gone.md'), 'me', 1_000, claimed)).toEqual({ won: false });
});

test.each([`${'n'.repeat(252)}.md`, `${'é'.repeat(126)}.md`])(
  'a name of 255 bytes is delivered, claimed, and clashes into another',
  async (name) => {
    const root = makeBox();
    await deliverFile(root, at('inbox', name), 'one\n');
    const second = await deliverFile(root, at('inbox', name), 'two\n');
    expect(second.name).not.toBe(name);
    expect(Buffer.byteLength(second.name)).toBeLessThanOrEqual(255);
    const taken = await takeMessage(root, at('inbox', name), `1234567.${'9'.repeat(12)}`, 1_000, claimed);
    expect(taken.won && taken.place.name).toBe(name);
    appendFileSync(pathIn(root, 'in_progress', name), 'more\n');
    expect(read(root, 'inbox', second.name)).toBe('two\n');
  },
);
