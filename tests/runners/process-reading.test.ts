import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BASE_ENVIRONMENT, buildEnvironment, createLineReader, findProgram } from '../../src/runners/process/index.js';
import { listProcesses, parsePs } from '../../src/host/process-table.js';
import { testdir } from '../support/testdir.js';

function readLines(chunks: Buffer[], limit = 1_000_000): [string, number][] {
  const lines: [string, number][] = [];
  const reader = createLineReader({ limit, onLine: (line, dropped) => lines.push([line, dropped]) });
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return lines;
}

describe('lines', () => {
  it('come whole, whatever the chunks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary' }).map((text) => text.replace(/[\r\n]/g, ''))),
        fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
        (lines, sizes) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          const chunks: Buffer[] = [];
          for (let at = 0; at < bytes.length; ) {
            const size = sizes.next().value;
            chunks.push(bytes.subarray(at, at + size));
            at += size;
          }
          const expected = lines.map((line) => [Buffer.from(line).toString(), 0]);
          expect(readLines(chunks)).toEqual(expected);
        },
      ),
    );
  });

  it('lose a carriage return before the newline, and need no newline at the end', () => {
    expect(readLines([Buffer.from('a\r\n\r\n\nb\rc')])).toEqual([
      ['a', 0],
      ['', 0],
      ['', 0],
      ['b\rc', 0],
    ]);
    expect(readLines([Buffer.from('a\r'), Buffer.from('\nb')])).toEqual([
      ['a', 0],
      ['b', 0],
    ]);
  });

  it('are cut at the limit, between characters, in one chunk or in many', () => {
    const bytes = Buffer.from('aä€🦜\nshort\n');
    for (const chunks of [[bytes], [...bytes].map((byte) => Buffer.of(byte))]) {
      expect(readLines(chunks, 5)).toEqual([
        ['aä', 5],
        ['short', 0],
      ]);
    }
  });

  it('of a gigabyte keep no gigabyte', () => {
    const chunk = Buffer.alloc(65_536, 120);
    const before = process.memoryUsage().rss;
    const lines: [string, number][] = [];
    const reader = createLineReader({ limit: 1_000, onLine: (line, dropped) => lines.push([line, dropped]) });
    for (let n = 0; n < 16_384; n += 1) reader.push(chunk);
    reader.push(Buffer.from('\n'));
    expect(lines).toEqual([['x'.repeat(1_000), 1_073_741_824 - 1_000]]);
    expect(process.memoryUsage().rss - before).toBeLessThan(50 * 1024 * 1024);
  });

  it('that come a byte at a time hold no more than their bytes', () => {
    const lines = readLines(Array.from({ length: 5_000 }, () => Buffer.from('y')));
    expect(lines).toEqual([['y'.repeat(5_000), 0]]);
  });
});

describe('environment', () => {
  it('has the listed names, the wildcards and what is added', () => {
    const from = { PATH: '/bin', LC_ALL: 'C', LCX: 'no', SECRET: 'no', HOME: undefined, LC_: 'odd' };
    expect(buildEnvironment(from, ['PATH', 'LC_*', 'HOME'], { PATH: '/mine', NEW: '1', GONE: undefined })).toEqual({
      ...{ PATH: '/mine', LC_ALL: 'C', LC_: 'odd', NEW: '1' },
    });
  });

  it('has no secret by default', () => {
    const from = {
      PATH: '/bin',
      ANTHROPIC_API_KEY: 'k',
      AWS_SECRET_ACCESS_KEY: 'k',
      NODE_OPTIONS: '--x',
      https_proxy: 'p',
    };
    expect(buildEnvironment(from, BASE_ENVIRONMENT)).toEqual({ PATH: '/bin', https_proxy: 'p' });
  });
});

describe('findProgram', () => {
  it('looks through PATH for a file that may be run', () => {
    const dir = testdir({ 'one/tool': 'not to be run', 'two/tool': '#!/bin/sh\n', 'three/tool/': '' });
    chmodSync(join(dir, 'two/tool'), 0o755);
    const PATH = ['one', 'three', 'two'].map((name) => join(dir, name)).join(':');
    expect(findProgram('tool', { PATH })).toBe(join(dir, 'two/tool'));
    expect(findProgram('two/tool', { PATH: '' }, dir)).toBe(join(dir, 'two/tool'));
    expect(findProgram('tool', { PATH: join(dir, 'one') })).toBeUndefined();
    expect(findProgram('tool', {})).toBeUndefined();
  });
});

describe('the process table', () => {
  it('is read from ps as macOS prints it', () => {
    const text = [
      '    1     0     1 Ss   Mon Nov 16 08:00:00 2026    ',
      '  412     1   412 Ss   Fri Nov 20 10:30:00 2026    ',
      '  413   412   412 Z+   Fri Nov 20 10:30:01 2026    ',
      'no process at all',
      '',
    ].join('\n');
    expect(parsePs(text)).toEqual([
      { pid: 1, parent: 0, group: 1, zombie: false, start: String(Date.UTC(2026, 10, 16, 8) / 1_000) },
      { pid: 412, parent: 1, group: 412, zombie: false, start: String(Date.UTC(2026, 10, 20, 10, 30) / 1_000) },
      { pid: 413, parent: 412, group: 412, zombie: true, start: String(Date.UTC(2026, 10, 20, 10, 30, 1) / 1_000) },
    ]);
  });

  it('holds this process', () => {
    expect(listProcesses().find((entry) => entry.pid === process.pid)).toMatchObject({
      parent: process.ppid,
      zombie: false,
    });
  });
});
