import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from '../../src/core/duration.js';
import { MailboxError, messageOf, systemCode } from '../../src/core/errors.js';
import { canTake, STEPS, type Step } from '../../src/core/lifecycle.js';
import { MESSAGE_TYPES, STATES } from '../../src/core/message.js';
import { fileNameOf, isMailboxName, isMessageFileName, isMessageId, renamedFor, slugOf } from '../../src/core/names.js';
import { claimToken, isClaimToken, isRefusalToken, refusalToken } from '../../src/core/token.js';

describe('durations', () => {
  it.each([
    ['250ms', 250],
    ['90s', 90_000],
    ['10m', 600_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    ['1.5h', 5_400_000],
  ])('%s is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(['', '10', 'm', '-1s', '1 s', '1w', '1e3s', '99999999999s'])('%j is none', (text) => {
    expect(() => parseDuration(text)).toThrow(/found the duration/);
  });

  it.each([
    [0, '0ms'],
    [840, '840ms'],
    [3_210, '3.2s'],
    [250_000, '4m 10s'],
    [7_500_000, '2h 5m'],
    [273_600_000, '3d 4h'],
  ])('%d ms reads %s', (ms, text) => expect(formatDuration(ms)).toBe(text));
});

describe('names', () => {
  it.each(['server', 'a', 'laptop-2', 'A.b_c', 'x'.repeat(64)])('%j is a mailbox', (name) =>
    expect(isMailboxName(name)).toBe(true),
  );
  it.each(['', '.', '..', '.hidden', '-x', 'a/b', 'a\\b', 'con', 'NUL.txt', 'a.', 'x'.repeat(65), 'ä', 'a b', 'a\n'])(
    '%j is none',
    (name) => expect(isMailboxName(name)).toBe(false),
  );
  it.each(['../x', '/etc/passwd', 'CON', '', 'a.b', 'a b', 'x'.repeat(65)])('%j is no id', (id) =>
    expect(isMessageId(id)).toBe(false),
  );
  it.each(['.md', '.x.md', 'x.txt', 'x.md.swp', 'x.MD'])('%j is no message file', (name) =>
    expect(isMessageFileName(name)).toBe(false),
  );

  it('a file name from any subject is safe everywhere and at most 255 bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (subject) => {
        const name = fileNameOf(subject, new Date(0), 'ab12');
        expect(name).toMatch(/^1970-01-01-[a-z0-9]+(-[a-z0-9]+)*-ab12\.md$/);
        expect(name.length).toBeLessThan(100);
        expect(isMessageFileName(name)).toBe(true);
      }),
    );
    expect(slugOf('Scrape the latest RSS feeds!')).toBe('scrape-the-latest-rss-feeds');
    expect(slugOf('Ünïcödé')).toBe('unicode');
    expect(slugOf('日本')).toBe('message');
  });

  it('a second name for a taken one differs, ends in .md and fits', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 250 }), (stem) => {
        const name = renamedFor(`${stem}.md`, 'k3f9');
        expect(name.endsWith('-k3f9.md')).toBe(true);
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
      }),
    );
  });
});

describe('tokens', () => {
  it('hold for one key, one message and one epoch', () => {
    const token = claimToken('key', 'm1', 3);
    expect(isClaimToken('key', 'm1', token)).toBe(true);
    expect(isClaimToken('key', 'm2', token)).toBe(false);
    expect(isClaimToken('other', 'm1', token)).toBe(false);
    expect(isClaimToken('key', 'm1', token.replace('3-', '4-'))).toBe(false);
    expect(isClaimToken('key', 'm1', 'nonsense')).toBe(false);
    expect(isRefusalToken('key', refusalToken('key', 'abc'))).toBe(true);
    expect(isRefusalToken('other', refusalToken('key', 'abc'))).toBe(false);
    expect(isRefusalToken('key', token)).toBe(false);
  });
});

describe('the lifecycle', () => {
  it('every step begins and ends in a state, and no step leaves a message where none can follow', () => {
    for (const step of Object.keys(STEPS) as Step[]) {
      expect(STATES).toContain(STEPS[step].to);
      for (const type of MESSAGE_TYPES) {
        const onward = (Object.keys(STEPS) as Step[]).some((next) => canTake(next, type, STEPS[step].to));
        expect(onward, `${type} after ${step}`).toBe(true);
      }
    }
  });

  it('a finished message is neither claimed nor cancelled, and a chat is never run', () => {
    for (const state of ['complete', 'failed'] as const) {
      expect(canTake('claim', 'task', state)).toBe(false);
      expect(canTake('cancel', 'task', state)).toBe(false);
      expect(canTake('retry', 'task', state)).toBe(true);
    }
    for (const state of STATES) expect(canTake('claim', 'chat', state)).toBe(false);
  });
});

describe('errors', () => {
  it('carry what a program and what a person needs', () => {
    const cause = Object.assign(new Error('no space'), { code: 'ENOSPC' });
    const error = new MailboxError('unavailable', 'writing', { hint: 'free some', cause });
    expect(error).toMatchObject({ name: 'MailboxError', code: 'unavailable', hint: 'free some', cause });
    expect(systemCode(cause)).toBe('ENOSPC');
    expect(systemCode('text')).toBeUndefined();
    expect(messageOf('text')).toBe('text');
  });
});
