import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listKept } from '../../src/mailbox/kept.js';
import { testdir } from '../support/testdir.js';

describe('what was set aside of a message', () => {
  it('is found by its id alone, whole', () => {
    const names = ['m1-1.md', 'm1-2-ab3d.md', 'm1-2-3-x.md', 'm10-1.md', 'other-1.md'];
    const root = testdir(Object.fromEntries(names.map((name) => [`.mailboxd/kept/${name}`, 'x'])));
    const dir = join(root, '.mailboxd/kept');
    expect(listKept(root, 'm1')).toEqual([join(dir, 'm1-1.md'), join(dir, 'm1-2-ab3d.md')]);
    expect(listKept(root, '../kept')).toEqual([]);
    expect(listKept(testdir({ 'a.md': '' }), 'm1')).toEqual([]);
  });
});
