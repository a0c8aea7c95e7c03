import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { moveMessage, settleMessage } from '../../src/store/settle.js';
import { recoverHidden, type RecoveryFacts } from '../../src/store/recover.js';
import { formatSuccessor } from '../../src/store/hidden.js';
import { at, makeBox, names, pathIn, read } from './box.js';

const EDITOR = fileURLToPath(new URL('./fixtures/editor.mjs', import.meta.url));

/** Every byte that stands under some visible name of the mailbox. */
function allText(root: string): string {
  const dir = join(root, 'mailboxes/server');
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && statSync(join(dir, name)).isFile())
    .map((name) => readFileSync(join(dir, name), 'utf8'))
    .join('\n');
}

test.each([1, 2, 3])(
  'invariant 1: a person saves in place and by rename while the file is rewritten: no edit is lost (seed %i)',
  { timeout: 60_000 },
  async (seed) => {
    const root = makeBox({ 'in_progress/a.md': 'text\n' });
    const child = spawn(
      process.execPath,
      [EDITOR, join(root, 'mailboxes/server/in_progress'), 'a.md', '60', String(seed)],
      { env: { PATH: process.env['PATH'] }, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let out = '';
    let isOver = false;
    child.stdout.on('data', (data: Buffer) => (out += data.toString()));
    const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
    void ended.then(() => (isOver = true));
    let rewrites = 0;
    while (!isOver) {
      rewrites += 1;
      const placed = await settleMessage(
        root,
        at('in_progress', 'a.md'),
        at('in_progress', ''),
        'me',
        1_000_000,
        (bytes) => `rewrite ${rewrites}\n${bytes.toString().replace(/^rewrite \d+\n/, '')}`,
      );
      // When the editor brought its own file back at the old name, ours got another: it is what a person would see.
      if (placed && placed.name !== 'a.md') expect(read(root, 'in_progress', placed.name)).toContain('text');
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    const saved = out.split('\n').filter((line) => line.startsWith('note-'));
    expect(saved).toHaveLength(60);
    const text = allText(root);
    expect(saved.filter((note) => !text.includes(note))).toEqual([]);
    expect(readdirSync(join(root, 'mailboxes/server/in_progress')).filter((name) => name.startsWith('.'))).toEqual([]);
  },
);

test('invariant 4: when a person has moved the file, its end is not written where it was', async () => {
  const root = makeBox({ 'failed/a.md': 'text\n' });
  expect(
    await settleMessage(root, at('in_progress', 'a.md'), at('complete', ''), 'me', 1_000, () => 'end\n'),
  ).toBeUndefined();
  expect(await moveMessage(root, at('in_progress', 'a.md'), at('complete', ''), 'me')).toBeUndefined();
  expect(names(root, 'complete')).toEqual([]);
  expect(read(root, 'failed', 'a.md')).toBe('text\n');
});

test('a move goes beside a file that has the name already, never over it', async () => {
  const root = makeBox({ 'inbox/a.md': 'one\n', 'failed/a.md': 'two\n' });
  const placed = await moveMessage(root, at('inbox', 'a.md'), at('failed', ''), 'me');
  expect(placed?.name).toMatch(/^a-\w{4}\.md$/);
  expect(read(root, 'failed', 'a.md')).toBe('two\n');
  expect(read(root, 'failed', placed?.name ?? '')).toBe('one\n');
});

const facts: RecoveryFacts = { own: 'me', isAlive: (who) => who === 'alive', hasTake: (take) => take === 'known' };
const stampOfFile = (path: string): { ino: bigint; size: bigint; mtimeNs: bigint } => statSync(path, { bigint: true });

test.each([
  [
    'a claim of a living process is left alone',
    '.claim~alive~t1~a.md',
    'in_progress',
    'in_progress/.claim~alive~t1~a.md',
  ],
  ['a claim that was not written goes back', '.claim~dead~t1~a.md', 'in_progress', 'inbox/a.md'],
  ['an end that was not written goes back', '.end~dead~i1s5m1~a.md', 'in_progress', 'inbox/a.md'],
  ['a move that was cut off is brought to its end', '.move~dead~r1~a.md', 'failed', 'failed/a.md'],
  ['a move of this process that no longer runs, too', '.move~me~r1~a.md', 'failed', 'failed/a.md'],
  [
    'a held original that was written into is a message of its own',
    '.held~t1~3~1~a.md',
    'in_progress',
    'inbox/a-late.md',
  ],
  [
    'a held original of a running message is left alone',
    '.held~known~3~1~a.md',
    'in_progress',
    'in_progress/.held~known~3~1~a.md',
  ],
  ['an unfinished write of a dead process goes', '.tmp~4194305~x', 'inbox', undefined],
  ['an unfinished write of a living process stays', `.tmp~${process.pid}~x`, 'inbox', `inbox/.tmp~${process.pid}~x`],
] as const)('after a crash: %s', (_, hidden, state, expected) => {
  const root = makeBox({ [`${state}/${hidden}`]: 'text\n' });
  recoverHidden(root, 'server', facts, Date.now());
  const found = (['inbox', 'in_progress', 'complete', 'failed'] as const).flatMap((each) =>
    names(root, each).map((name) => `${each}/${name}`),
  );
  expect(found).toEqual(expected === undefined ? [] : [expected]);
  if (expected !== undefined) expect(readFileSync(join(root, 'mailboxes/server', expected), 'utf8')).toBe('text\n');
});

test('after a crash: what was replaced goes when its successor stands, and is kept when it was edited', () => {
  const root = makeBox({ 'complete/a.md': 'new\n', 'complete/old': 'old\n', 'complete/edited': 'old\n' });
  const { ino } = stampOfFile(pathIn(root, 'complete', 'a.md'));
  for (const name of ['old', 'edited']) {
    const { size, mtimeNs } = stampOfFile(pathIn(root, 'complete', name));
    if (name === 'edited') writeFileSync(pathIn(root, 'complete', name), 'old, edited\n');
    const hidden = `.move~dead~${formatSuccessor({ ino, size, mtimeNs })}~${name}.md`;
    renameSync(pathIn(root, 'complete', name), pathIn(root, 'complete', hidden));
  }
  recoverHidden(root, 'server', facts, Date.now());
  expect(names(root, 'complete')).toEqual(['a.md']);
  expect(names(root, 'inbox')).toEqual(['edited-late.md']);
});
