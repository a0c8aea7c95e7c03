import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ownProcess } from '../../../src/host/process-id.js';
import { git } from '../../support/git-host.js';
import { bareRemote, type BareOptions } from '../../support/remotes/bare.js';
import { testdir } from '../../support/testdir.js';
import { callsIn, type Json } from '../harness.js';

async function joined(options: BareOptions = {}) {
  const remote = bareRemote(options);
  const dir = testdir();
  const mb = callsIn(dir);
  const made = await mb('init', '--as', 'laptop', '--remote', remote.url, '--runner', 'simulator');
  if (made.code !== 0) throw new Error(made.err);
  /** What doctor says of the remote, the branch and the exchange. */
  const look = async (): Promise<Record<string, string>> => {
    const { findings } = (await mb('doctor', '--json')).json();
    const wanted = findings.filter(({ check }: Json) => ['remote', 'branch', 'exchange'].includes(check));
    for (const { level, hint, message } of wanted) if (level !== 'ok') expect(hint, message).toMatch(/\S/);
    return Object.fromEntries(wanted.map(({ level, message, hint }: Json) => [message, `${level}: ${hint ?? ''}`]));
  };
  return { ...remote, root: dir, look };
}

const find = (findings: Record<string, string>, part: string): string | undefined =>
  Object.entries(findings).find(([message]) => message.includes(part))?.[1];

test('finds a remote well, and leaves it as it was', async () => {
  const { dir, look } = await joined();
  const before = git(dir, 'for-each-ref');
  const findings = await look();
  for (const part of [
    'git 2.',
    'this host is',
    'files as',
    'answers in',
    'below refs/mailboxd',
    'whole or not at all',
    'does not matter',
    'main follows',
  ])
    expect(find(findings, part), part).toBe('ok: ');
  expect(find(findings, 'nobody exchanges')).toContain('mailboxd start');
  expect(git(dir, 'for-each-ref')).toBe(before);
});

test('says which refs a host takes, and what to do where it is away', async () => {
  const { url, look } = await joined({ refuseRefsOutside: true });
  expect(find(await look(), 'takes nothing below refs/mailboxd')).toContain('refs/heads/mailboxd');
  renameSync(url, `${url}-away`);
  expect(find(await look(), url)).toMatch(/^wrong: .*git ls-remote/);
});

test('says what holds the branch back', async () => {
  const { root, look } = await joined();
  writeFileSync(join(root, '.git/index.lock'), '');
  expect(find(await look(), 'index.lock')).toContain('rm ');
  rmSync(join(root, '.git/index.lock'));
  git(root, 'switch', '-q', '-c', 'work');
  expect(find(await look(), 'the branch work')).toContain('git switch main');
  git(root, 'switch', '-q', 'main');
  mkdirSync(join(root, '.git/rebase-merge'));
  expect(find(await look(), 'a rebase is under way')).toContain('git rebase');
});

test('tells how the last exchange went', async () => {
  const { root, look } = await joined();
  const own = join(root, '.mailboxd/git');
  writeFileSync(join(own, 'lock'), `${ownProcess()}\n`);
  const write = (reached: number | null, problem: object | null): void =>
    writeFileSync(join(own, 'status.json'), JSON.stringify({ rounds: 3, reached, problem, main: null, pid: 1 }));
  write(Date.now(), null);
  expect(find(await look(), 'reached the remote 0 s ago')).toBe('ok: ');
  write(Date.now() - 3_600_000, null);
  expect(find(await look(), 'reached the remote 3600 s ago')).toContain('mailboxd notify');
  write(Date.now(), { message: 'no route', hint: 'plug it in' });
  expect(find(await look(), 'no route')).toBe('wrong: plug it in');
  rmSync(join(own, 'lock'));
});
