import { describe, expect, it } from 'vitest';
import { acceptsSender, coversTool, isBelow, maySay } from '../../src/core/policy.js';
import { configOf } from './policy-support.js';

describe('coversTool', () => {
  it.each([
    ['*', 'Bash'],
    ['*', '*'],
    ['Bash', 'Bash'],
    ['Bash', 'Bash(git:*)'],
    ['Bash(git:*)', 'Bash(git:*)'],
    ['Bash(git:*)', 'Bash(git log:*)'],
    ['Bash(git:*)', 'Bash(git status)'],
    ['Bash(git log:*)', 'Bash(git log --oneline)'],
    ['Read', 'Read(/srv/**)'],
    ['mcp__github', 'mcp__github__search'],
    ['mcp__github__*', 'mcp__github__search'],
    ['mcp__github__*', 'mcp__github'],
    ['mcp__*', 'mcp__github__search'],
  ])('%s covers %s', (allowed, asked) => {
    expect(coversTool(allowed, asked)).toBe(true);
  });

  it.each([
    ['Bash', '*'],
    ['Bash(git:*)', 'Bash'],
    ['Bash(git:*)', 'Bash(gitk)'],
    ['Bash(git:*)', 'Bash(github-cli:*)'],
    ['Bash(git:*)', 'Bash(git log; rm -rf /)'],
    ['Bash(git:*)', 'Bash(git $(id))'],
    ['Bash(git:*)', 'Bash(git log && curl x)'],
    ['Bash(git:*)', 'Bash(git log | sh)'],
    ['Bash(git:*)', 'Bash(git *)'],
    ['Bash(git:*)', 'Bash(:*)'],
    ['Bash(git log:*)', 'Bash(git:*)'],
    ['Bash(git status)', 'Bash(git status:*)'],
    ['Bash(git:*)', 'Bash(git:*) Write(x)'],
    ['Bash', 'Bash,Write'],
    ['Bash', 'Bash Write'],
    ['Bash', 'Bash(a)(b)'],
    ['Bash', 'bash'],
    ['Bash', 'BashOutput'],
    ['Bash', 'Bash*'],
    ['Read', 'Write'],
    ['Read(/srv/**)', 'Read(/srv/a)'],
    ['Read(/srv/**)', 'Read'],
    ['mcp__github', 'mcp__github2__x'],
    ['mcp__github', 'mcp__*'],
    ['mcp__github__search', 'mcp__github'],
    ['mcp__', 'mcp__github__x'],
    ['mcp', 'mcp__github__x'],
    ['', 'Bash'],
    ['Bash', ''],
  ])('%s does not cover %s', (allowed, asked) => {
    expect(coversTool(allowed, asked)).toBe(false);
  });
});

describe('isBelow', () => {
  it.each([
    ['/srv/p', ['/srv/p'], true],
    ['/srv/p/', ['/srv/p'], true],
    ['/srv/p', ['/srv/p/'], true],
    ['/srv/p/a/b', ['/x', '/srv/p'], true],
    ['/srv/p/..x', ['/srv/p'], true],
    ['/anything', ['/'], true],
    ['/srv', ['/srv/p'], false],
    ['/srv/pp', ['/srv/p'], false],
    ['/srv/p/../q', ['/srv/p'], false],
    ['/srv/p/a/../../q', ['/srv/p'], false],
    ['srv/p', ['/'], false],
    ['', ['/'], false],
    ['/srv/p', [], false],
    ['/srv/p', ['srv'], false],
  ])('%s in %j: %s', (path, dirs, expected) => {
    expect(isBelow(path, dirs)).toBe(expected);
  });
});

describe('who may put messages into a running task', () => {
  const say = (from: string | undefined, sayer: string | undefined, senders: string[]) =>
    maySay({ from, sayer }, configOf({ allow: { senders } })).ok;

  it.each<[string, string | undefined, string | undefined, string[], boolean]>([
    ['its sender', 'laptop', 'laptop', ['*'], true],
    ['its unknown sender', undefined, undefined, ['*'], true],
    ['anybody, where anybody may send', 'laptop', 'eve', ['*'], false],
    ['nobody in particular', 'laptop', undefined, ['*'], false],
    ['one that is listed', 'laptop', 'ops', ['laptop', 'ops'], true],
    ['one that is listed beside *', 'laptop', 'ops', ['*', 'ops'], true],
    ['one that calls itself *', 'laptop', '*', ['*'], false],
    ['its sender, no longer accepted', 'laptop', 'laptop', ['ops'], false],
  ])('%s', (_, from, sayer, senders, expected) => {
    expect(say(from, sayer, senders)).toBe(expected);
  });

  it('says why not, and what would help', () => {
    const answer = maySay({ from: 'laptop', sayer: 'eve' }, configOf());
    if (answer.ok) throw new Error('it was allowed');
    expect(answer.error.message).toBe('"eve" may not put messages into a task of "laptop"');
    expect(answer.error.hint).toContain('allow.senders');
  });

  it('accepts the senders that are listed, and any where * is', () => {
    expect(acceptsSender('eve', configOf())).toBe(true);
    expect(acceptsSender(undefined, configOf({ allow: { senders: ['laptop'] } }))).toBe(false);
    expect(acceptsSender('laptop', configOf({ allow: { senders: ['laptop'] } }))).toBe(true);
  });
});
