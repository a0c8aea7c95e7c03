import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FrontMatter } from '../../../src/core/message.js';
import { claimToken } from '../../../src/core/token.js';
import { CLOCK_ROOM, openSeenIds, provenEpoch } from '../../../src/mailbox/signing/seen.js';
import { testdir } from '../../support/testdir.js';

const host = (): string => testdir({ '.mailboxd/': '' });
const linesOf = (root: string): string[] =>
  readFileSync(join(root, '.mailboxd/seen-signed'), 'utf8').trim().split('\n');

describe('the ids that were run', () => {
  it('are known, with their highest epoch, here and after a restart', () => {
    const root = host();
    const seen = openSeenIds(root, undefined);
    expect(seen.epochOf('a')).toBeUndefined();
    seen.note('a', 1, 1_000);
    seen.note('a', 3, 2_000);
    seen.note('a', 2, 3_000);
    seen.note('b', 0, 3_000);
    for (const each of [seen, openSeenIds(root, undefined)]) {
      expect([each.epochOf('a'), each.epochOf('b'), each.epochOf('c')]).toEqual([3, 0, undefined]);
    }
    expect(linesOf(root)).toEqual(['a 1 1000', 'a 3 2000', 'b 0 3000']);
  });

  it('survive a line that was torn by a crash', () => {
    const root = host();
    openSeenIds(root, undefined).note('a', 1, 1);
    appendFileSync(join(root, '.mailboxd/seen-signed'), 'half');
    openSeenIds(root, undefined).note('b', 1, 1);
    const seen = openSeenIds(root, undefined);
    expect([seen.epochOf('a'), seen.epochOf('b'), seen.epochOf('half')]).toEqual([1, 1, undefined]);
  });

  it('are the newest ones, as many as are kept', () => {
    const root = host();
    const seen = openSeenIds(root, undefined, 10);
    for (let n = 0; n < 100; n += 1) seen.note(`m${n}`, 1, n);
    expect(linesOf(root).length).toBeLessThan(20);
    for (const each of [seen, openSeenIds(root, undefined, 10)]) {
      expect([each.epochOf('m99'), each.epochOf('m90'), each.epochOf('m5')]).toEqual([1, 1, undefined]);
    }
  });

  it('are all that an age reaches, however many', () => {
    const root = host();
    const seen = openSeenIds(root, 50_000, 10);
    for (let n = 0; n < 100; n += 1) seen.note(`m${n}`, 1, n);
    expect(seen.epochOf('m0')).toBe(1);
    for (let n = 100; n < 300; n += 1) seen.note(`m${n}`, 1, 50_000 + CLOCK_ROOM + 100 + n);
    expect(seen.epochOf('m99')).toBeUndefined();
    expect(seen.epochOf('m100')).toBe(1);
  });
});

describe('the epoch that a message proves', () => {
  const key = 'k'.repeat(22);
  const token = (epoch: number, id = 'm-1'): string => claimToken(key, id, epoch);

  it.each<[string, FrontMatter, number]>([
    ['none', { id: 'm-1' }, -1],
    ['a seal', { id: 'm-1', seal: token(2) }, 2],
    ['the highest of all', { id: 'm-1', seal: token(1), runs: [{ token: token(4) }, { token: token(3) }] as never }, 4],
    ['no forged one', { id: 'm-1', seal: `9${token(1).slice(1)}` }, -1],
    ['no other message’s', { id: 'm-1', seal: token(3, 'm-2') }, -1],
    ['no nonsense', { id: 'm-1', seal: 7 as never, runs: [null, 3] as never }, -1],
  ])('is that of %s', (_, front, epoch) => {
    expect(provenEpoch(front, key)).toBe(epoch);
  });
});
