import { describe, expect, it } from 'vitest';
import { newText } from '../../src/mailbox/new-text.js';

const LONG = 'one two three four five six seven eight nine ten '.repeat(20);

describe('what is new in a text', () => {
  it.each([
    ['it grew', 'a b', 'a b c', ' c'],
    ['nothing', 'a b', 'a b', ''],
    ['all of it, at first', '', 'a b', 'a b'],
    ['it was changed far above', `A${LONG}end`, `Something else${LONG}end and more`, ' and more'],
    ['its beginning was cut off', `${LONG}${LONG}end`, `${LONG.slice(9)}end and more`, ' and more'],
    ['its last words were changed', 'a b c', 'a b d e', 'd e'],
    ['another run', 'a\n<!-- run 1 · 1-x -->\nb', 'a\n<!-- run 2 · 2-x -->\nc', '<!-- run 2 · 2-x -->\nc'],
    ['it was emptied', 'a b c', '', ''],
  ])('%s', (_, seen, now, expected) => {
    expect(newText(seen, now)).toBe(expected);
  });
});
