import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRotatingFile, type RotatingFileOptions } from '../../src/logging/rotating-file.js';
import { testdir } from '../support/testdir.js';

function rotating(path: string, more: Partial<RotatingFileOptions> = {}) {
  const problems: string[] = [];
  const file = createRotatingFile({
    path,
    maxBytes: 1_000,
    files: 5,
    onProblem: (message) => problems.push(message),
    lostLine: (count, reason) => `lost ${count} ${reason}\n`,
    ...more,
  });
  return { file, problems };
}

/** The lines of all files, oldest first. */
function linesOf(path: string): string[] {
  return Array.from({ length: 100 }, (_, n) => 99 - n)
    .map((n) => (n === 0 ? path : `${path}.${n}`))
    .filter((name) => existsSync(name))
    .flatMap((name) => {
      const text = readFileSync(name, 'utf8');
      expect(text.endsWith('\n'), `${name} ends with a whole line`).toBe(true);
      return text.slice(0, -1).split('\n');
    });
}

test('lines of any size are rotated whole, in order, within the size and the number of files', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 300 }), { maxLength: 60 }), (texts) => {
      const path = join(testdir(), 'logs', 'x.log');
      const { file, problems } = rotating(path, { maxBytes: 4_000 });
      const lines = texts.map((text, n) => `${n} ${JSON.stringify(text)}`);
      for (const line of lines) file.write(`${line}\n`);
      const kept = lines.length === 0 ? [] : linesOf(path);
      expect(kept).toEqual(kept.length === 0 ? [] : lines.slice(-kept.length));
      if (!existsSync(`${path}.4`)) expect(kept).toHaveLength(lines.length);
      expect(problems).toEqual([]);
    }),
    { numRuns: 40 },
  );
});

test('the oldest file goes when there are more than are kept', () => {
  const path = join(testdir(), 'x.log');
  const { file } = rotating(path, { maxBytes: 100, files: 3 });
  for (let n = 0; n < 100; n += 1) file.write(`line ${n} ${'x'.repeat(40)}\n`);
  expect(readdirSync(join(path, '..')).sort()).toEqual(['x.log', 'x.log.1', 'x.log.2']);
  expect(linesOf(path).at(-1)).toMatch(/^line 99 /);
});

test('a deleted file or folder is made again', () => {
  const path = join(testdir(), 'logs', 'x.log');
  const { file, problems } = rotating(path);
  file.write('one\n');
  rmSync(path);
  file.write('two\n');
  expect(linesOf(path)).toEqual(['two']);
  rmSync(join(path, '..'), { recursive: true });
  file.write('three\n');
  expect(linesOf(path)).toEqual(['three']);
  expect(problems).toEqual([]);
});

test('what a crash left without an end does not swallow the next line', () => {
  const path = join(testdir({ 'x.log': 'whole\nto' }), 'x.log');
  rotating(path).file.write('next\n');
  expect(linesOf(path)).toEqual(['whole', 'to', 'next']);
});

test('a fault is counted, told once and never thrown; what waited comes out first, and what was lost is told', () => {
  const path = join(testdir(), 'x.log');
  mkdirSync(path); // A directory in the file's place: every open is refused.
  const { file, problems } = rotating(path, { maxWaiting: 100, maxBytes: 1e6 });
  for (let n = 0; n < 20; n += 1) file.write(`line ${n}\n`);
  expect(file.counts).toEqual({ problems: 20, waiting: 13, lost: 7 });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(/cannot write the log .*EISDIR/);
  rmSync(path, { recursive: true });
  file.write('works again\n');
  expect(linesOf(path)).toEqual([...Array.from({ length: 13 }, (_, n) => `line ${n}`), 'lost 7 EISDIR', 'works again']);
  expect(file.counts.waiting).toBe(0);
});

test.runIf(process.platform !== 'win32')('a link in its place is not followed', () => {
  const dir = testdir({ 'victim.txt': 'mine\n' });
  symlinkSync(join(dir, 'victim.txt'), join(dir, 'x.log'));
  const { file, problems } = rotating(join(dir, 'x.log'));
  file.write('line\n');
  expect(readFileSync(join(dir, 'victim.txt'), 'utf8')).toBe('mine\n');
  expect(problems).toHaveLength(1);
});

/** A program that appends; run from the build, as `npm test` makes one first. */
const CHILD = `
import { createRotatingFile } from ${JSON.stringify(new URL('../../dist/logging/rotating-file.js', import.meta.url).href)};
const [path, name, count, maxBytes, files] = process.argv.slice(2);
const file = createRotatingFile({ path, maxBytes: Number(maxBytes), files: Number(files), onProblem: console.log,
  lostLine: (n, reason) => 'lost ' + n + ' ' + reason + '\\n' });
for (let n = 0; n < Number(count); n += 1) file.write(name + ' ' + n + ' ' + 'x'.repeat(n % 50) + '\\n');
console.log(JSON.stringify(file.counts));
`;

async function run(command: string, args: string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (chunk) => (out += chunk));
  await new Promise((resolve) => child.on('close', resolve));
  return out;
}

test('several processes share it and rotate it: no line is lost, torn or out of its order', async () => {
  const dir = testdir({ 'child.mjs': CHILD });
  const path = join(dir, 'x.log');
  const names = ['a', 'b', 'c'];
  // Small files, so that they meet at many rotations; one rotation too many each time would push lines out.
  const outputs = await Promise.all(
    names.map((name) => run(process.execPath, [join(dir, 'child.mjs'), path, name, '2000', '2500', '90'])),
  );
  expect(outputs.map((out) => JSON.parse(out))).toEqual(names.map(() => ({ problems: 0, waiting: 0, lost: 0 })));
  expect(existsSync(`${path}.1`)).toBe(true);
  const lines = linesOf(path);
  for (const name of names) {
    const own = lines.filter((line) => line.startsWith(`${name} `)).map((line) => line.split(' '));
    expect(own.map(([, n]) => Number(n)).sort((a, b) => a - b)).toEqual(Array.from({ length: 2_000 }, (_, n) => n));
    expect(own.every(([, n, x]) => x?.length === Number(n) % 50)).toBe(true);
  }
}, 60_000);

test.runIf(process.platform !== 'win32')(
  'a disk that is full in the middle of a line keeps no half of it',
  async () => {
    // A file size limit gives what a full disk gives: a short write, then an error.
    const dir = testdir({ 'child.mjs': CHILD });
    const path = join(dir, 'x.log');
    const limited = 'ulimit -f 2; exec "$0" "$@"';
    const out = await run('sh', [
      '-c',
      limited,
      process.execPath,
      join(dir, 'child.mjs'),
      path,
      'a',
      '500',
      '9999999',
      '5',
    ]);
    const text = readFileSync(path, 'utf8');
    expect(text.length).toBeGreaterThan(900);
    const lines = linesOf(path);
    lines.forEach((line, n) => expect(line).toBe(`a ${n} ${'x'.repeat(n % 50)}`));
    const [told, counts] = out.trimEnd().split('\n');
    expect(told).toMatch(/cannot write the log .*EFBIG/);
    expect(JSON.parse(counts ?? '')).toEqual({ problems: 500 - lines.length, waiting: 500 - lines.length, lost: 0 });
  },
);

test('one lock left by a process that died in a rotation is taken away', () => {
  const dir = testdir({ 'x.log': `${'x'.repeat(2_000)}\n` });
  const path = join(dir, 'x.log');
  mkdirSync(`${path}.lock`);
  const { file } = rotating(path);
  file.write('past the limit\n');
  expect(existsSync(`${path}.1`)).toBe(false);
  utimesSync(`${path}.lock`, 0, 0);
  file.write('sees that it is old\n');
  file.write('next\n');
  expect(readFileSync(path, 'utf8')).toBe('next\n');
});
