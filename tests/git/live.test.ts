import { describe, expect, it } from 'vitest';
import { liveBytes, readLeftOut } from '../../src/git/live.js';

describe('what is sent of a file', () => {
  it('is all of it while it is small', () => {
    const bytes = Buffer.from('short');
    expect(liveBytes(bytes, 5)).toBe(bytes);
    expect(readLeftOut('short')).toBeUndefined();
  });

  it('is its end, cut where a character begins, below a line that says so', () => {
    const text = liveBytes(Buffer.from('ab€cd'), 4).toString('utf8');
    expect(text).toBe('<!-- the first 5 bytes are left out here -->\ncd');
    expect(readLeftOut(text)).toEqual({ bytes: 5, rest: 'cd' });
  });
});
