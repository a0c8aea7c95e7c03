import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { probeRemote } from '../../src/git/probe.js';
import { git } from '../support/git-host.js';
import { bareRemote } from '../support/remotes/bare.js';
import { httpRemote } from '../support/remotes/http.js';
import { testdir } from '../support/testdir.js';

function clone(): string {
  const dir = testdir();
  git(dir, 'init', '-q', '-b', 'main');
  return dir;
}

describe('the probe of a remote', () => {
  test('a plain repository can do all of it, and is left as it was', async () => {
    const { url, dir } = bareRemote();
    const here = clone();
    const found = await probeRemote(here, url);
    expect(found).toMatchObject({ space: 'refs/mailboxd', declined: undefined, atomic: { ok: true }, left: [] });
    expect(found.skew).toBeUndefined();
    expect(git(dir, 'for-each-ref')).toBe('');
    expect(git(here, 'for-each-ref')).toBe('');
  });

  test('one that takes branches alone', async () => {
    const { url, dir } = bareRemote({ refuseRefsOutside: true });
    const found = await probeRemote(clone(), url);
    expect(found).toMatchObject({ space: 'refs/heads/mailboxd', atomic: { ok: true }, left: [] });
    expect(found.declined).toContain('takes nothing outside');
    expect(git(dir, 'for-each-ref')).toBe('');
  });

  test('one that takes nothing', async () => {
    const { url, dir } = bareRemote();
    writeFileSync(join(dir, 'hooks/pre-receive'), '#!/bin/sh\necho "read only" >&2\nexit 1\n');
    chmodSync(join(dir, 'hooks/pre-receive'), 0o755);
    const found = await probeRemote(clone(), url);
    expect(found).toMatchObject({ space: undefined, left: [], atomic: { ok: false } });
    expect(found.declined).toContain('read only');
  });

  test('one that knows no atomic push', async () => {
    const { url, dir } = bareRemote();
    git(dir, 'config', 'receive.advertiseAtomic', 'false');
    const found = await probeRemote(clone(), url);
    expect(found).toMatchObject({
      space: 'refs/mailboxd',
      atomic: { ok: false, found: expect.stringContaining('atomic') },
    });
    expect(git(dir, 'for-each-ref')).toBe('');
  });

  test('over http: its clock, and the password told to nobody', async () => {
    await using remote = await httpRemote({ user: 'me', password: 'secret' });
    const found = await probeRemote(clone(), remote.urlWithPassword);
    expect(found).toMatchObject({ space: 'refs/mailboxd', left: [] });
    expect(Math.abs(found.skew ?? Number.NaN)).toBeLessThan(30_000);
    const fault: unknown = await probeRemote(clone(), remote.urlWithPassword.replace('secret', 'wr0ng')).catch(
      (error: unknown) => error,
    );
    expect(fault).toMatchObject({ code: 'unavailable', hint: expect.stringContaining('password') });
    expect(JSON.stringify(fault) + String(fault)).not.toContain('wr0ng');
  });

  test('an answer that is cut off leaves nothing behind', async () => {
    await using remote = await httpRemote();
    remote.fail({ to: '/git-receive-pack', cutAnswerAfter: 0 });
    await probeRemote(clone(), remote.url);
    expect(remote.requests().some(({ path }) => path.endsWith('/git-receive-pack'))).toBe(true);
    expect(git(remote.dir, 'for-each-ref')).toBe('');
  });
});
