import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findBrokenLinks, headingAnchor, readRoomsTable } from './docs.js';
import { roomOf } from './imports.js';
import { ROOMS } from './rooms.js';
import { listFiles, readSources, readText, root } from './tree.js';

const documents = listFiles().filter((path) => path.endsWith('.md') && !/^(mailboxes|tests)\//.test(path));

describe('the documents', () => {
  it('link to files and headings that are there', () => {
    expect(documents).toEqual(
      expect.arrayContaining(['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md']),
    );
    const broken = documents.flatMap((path) => {
      const look = (target: string): string | undefined => {
        const file = resolve(join(root, dirname(path)), target);
        if (!existsSync(file)) return undefined;
        return file.endsWith('.md') ? readText(relative(root, file)) : '';
      };
      return findBrokenLinks(readText(path), look).map((link) => `${path}: ${link}`);
    });
    expect(broken).toEqual([]);
  });

  it('ARCHITECTURE.md lists the rooms of src/ and what each may import, as they are', () => {
    const built = [...new Set([...readSources().keys()].map(roomOf))].filter((room) => room !== '.');
    const shown = readRoomsTable(readText('ARCHITECTURE.md'));
    expect([...shown.keys()].toSorted()).toEqual(built.toSorted());
    for (const [room, imports] of shown) {
      expect(imports, `${room} in ARCHITECTURE.md`).toEqual(
        (ROOMS[room] ?? []).filter((other) => built.includes(other)),
      );
    }
  });
});

describe('the check of links', () => {
  const look = (target: string): string | undefined => (target === 'a.md' ? '# One `two`: three\n' : undefined);

  it.each([
    ['[x](a.md)', []],
    ['[x](a.md#one-two-three) and [x](https://example.com/y) and [x](mailto:a@example.com)', []],
    ['# Here\n[x](#here)', []],
    ['`[x](b.md)` and\n```\n[x](b.md)\n```\n', []],
    ['[x](b.md)', ['b.md']],
    ['[x](a.md#four)', ['a.md#four']],
    ['[x](#here)', ['#here']],
  ])('finds in %j: %j', (markdown, broken) => {
    expect(findBrokenLinks(markdown, look)).toEqual(broken);
  });

  it('knows how a heading is linked to', () => {
    expect(headingAnchor('What `npm start` does, and why?')).toBe('what-npm-start-does-and-why');
  });
});
