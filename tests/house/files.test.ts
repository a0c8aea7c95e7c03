import { homedir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { listFiles, readText, root } from './tree.js';

const files = listFiles();
const code = files.filter((path) => /^(src|tests|scripts|bench)\/.*\.(ts|mjs)$|^vitest\.config\.ts$/.test(path));
const text = files.filter((path) => !/\.(png|gz|ico|woff2)$|\/corpus\//.test(path));

/** Longest a source file may be without a reason, in lines. */
const LONGEST = 300;

// Put together, so that this file does not find itself.
const FOREIGN = [
  ['/wor', 'k/main'],
  ['/wor', 'k/shared'],
  ['registry.', 'npmjs.org'],
  ['registry.', 'yarnpkg.com'],
  ['deb.', 'debian.org'],
].map((parts) => parts.join(''));

describe('the files of the project', () => {
  it('are small', () => {
    const long = code.map((path) => [path, readText(path).split('\n').length - 1] as const);
    expect(long.filter(([, lines]) => lines > LONGEST)).toEqual([]);
  });

  it('are named in kebab-case', () => {
    const names = code.map((path) => path.split('/').at(-1) ?? '');
    expect(names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|hosts|config|d))?\.(ts|mjs)$/.test(name))).toEqual(
      [],
    );
  });

  it('have no drawer for everything', () => {
    expect(code.filter((path) => /\/(utils?|helpers?|types|common|misc)\.(ts|mjs)$/.test(path))).toEqual([]);
  });

  it('name no path of this machine and no registry', () => {
    // A root or home of `/` says nothing.
    const here = [root, homedir()].filter((path) => path.length > 1).map((path) => `${path}/`);
    const found = text.flatMap((path) => {
      const content = readText(path);
      return [...FOREIGN, ...here].filter((word) => content.includes(word)).map((word) => `${path}: ${word}`);
    });
    expect(found).toEqual([]);
  });

  it('say in CHANGELOG.md what comes next', () => {
    const headings = readText('CHANGELOG.md').match(/^## .*$/gm) ?? [];
    expect(headings[0]).toBe('## [Unreleased]');
    expect(headings.slice(1).filter((heading) => !/^## \[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d$/.test(heading))).toEqual(
      [],
    );
  });
});
