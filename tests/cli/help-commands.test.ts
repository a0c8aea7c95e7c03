/** doctor, setup, login, service, completion: what helps to set the rest up. */
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { testdir } from '../support/testdir.js';
import { callsIn, type Json, makeRoot } from './harness.js';

describe('doctor', () => {
  const levelsOf = (findings: Json[]): Record<string, string> =>
    Object.fromEntries(findings.map((finding: Json) => [finding.check, finding.level]));

  test('finds a fresh root well', async () => {
    const { mb } = await makeRoot();
    const { code, out, ...rest } = await mb('doctor', '--json');
    expect(code, out).toBe(0);
    const { ok, findings } = rest.json();
    expect(ok).toBe(true);
    for (const finding of findings) expect(Object.keys(finding)).toEqual(['check', 'level', 'message', 'hint']);
    expect(levelsOf(findings)).toMatchObject({
      node: 'ok',
      config: 'ok',
      folders: 'ok',
      git: 'ok',
      'runner simulator': 'ok',
      daemon: 'warn',
      disk: 'ok',
      clock: 'ok',
      files: 'ok',
    });
  });

  test('names what is wrong and how to mend it, and exits 1', async () => {
    const { dir, mb } = await makeRoot({ 'stray.txt': 'x' });
    const git = (...args: string[]) =>
      execFileSync('git', args, { cwd: dir, env: { PATH: process.env['PATH'], HOME: dir } });
    git('init', '-q');
    git('add', '-f', '.mailboxd/config.yaml');
    chmodSync(join(dir, '.mailboxd', 'config.yaml'), 0o644);
    writeFileSync(join(dir, 'mailboxes', 'server', 'inbox', 'note.txt'), 'x');
    const config = join(dir, '.mailboxd', 'config.yaml');
    writeFileSync(config, readFileSync(config, 'utf8').replace('runner: simulator', 'runner: claude'));
    const result = await mb('doctor', '--json');
    expect(result.code).toBe(1);
    const { findings } = result.json();
    expect(levelsOf(findings)).toMatchObject({
      git: 'wrong',
      config: 'wrong',
      'runner claude': 'wrong',
      files: 'warn',
    });
    for (const finding of findings) if (finding.level !== 'ok') expect(finding.hint, finding.message).toMatch(/\S/);
    const text = (await mb('doctor')).out;
    expect(text).toContain('WRONG git');
    expect(text).toContain('→ git rm -r --cached .mailboxd');
    expect(text).toContain('→ chmod 600');
    expect(text).toContain('note.txt');
  });

  test('says what is wrong with a configuration it cannot read, and that there is none', async () => {
    const dir = testdir({ 'mailboxes/server/inbox/': '' });
    expect(await callsIn(dir)('doctor')).toMatchObject({
      code: 1,
      out: expect.stringContaining('mailboxd init --as NAME'),
    });
    mkdirSync(join(dir, '.mailboxd'));
    writeFileSync(join(dir, '.mailboxd', 'config.yaml'), 'park: maybe\n');
    expect(await callsIn(dir)('doctor')).toMatchObject({ code: 1, out: expect.stringContaining('park') });
    expect(await callsIn(testdir())('doctor')).toMatchObject({ code: 3 });
  });
});

/** A stand-in for the CLI: it says what `auth status` is told to, and logs in as it is told. */
const CLAUDE = `#!/bin/sh
case "$1 $2" in
  "auth status") [ -e "$HOME/in" ] && echo '{"loggedIn":true,"authMethod":"test"}' || echo '{"loggedIn":false}';;
  "auth login") [ -e "$HOME/refuse" ] && exit 1; touch "$HOME/in";;
  *) echo "2.1.197 (Claude Code)";;
esac
`;

describe('login', () => {
  test('keeps a token from standard input for this user alone, and wakes parked mailboxes', async () => {
    const { dir, mb } = await makeRoot();
    await mb('send', 'server', 'simulate: login 1');
    expect((await mb('start', '--once')).code).toBe(2);
    const result = await callsIn(dir, { stdin: 'sk-ant-oat01-aaaaaaaaaaaaaaaaaaaa\n' })('login', '--json');
    expect(result.code, result.err).toBe(0);
    expect(result.json()).toEqual({ signed_in: true, token_file: expect.any(String), tried_again: ['server'] });
    expect(statSync(result.json().token_file).mode & 0o777).toBe(0o600);
    expect(result.out).not.toContain('sk-ant');
    expect(existsSync(join(dir, '.mailboxd', 'bell'))).toBe(true);
    expect(await callsIn(dir, { stdin: 'x' })('login')).toMatchObject({ code: 64 });
    expect(await callsIn(dir, { stdin: '' })('login', '--profile', 'nope')).toMatchObject({
      code: 64,
      err: expect.stringContaining('there is no profile "nope"'),
    });
  });

  test('on a terminal it is the CLI’s own, also outside a root', async () => {
    const dir = testdir({ 'bin/claude': CLAUDE });
    chmodSync(join(dir, 'bin', 'claude'), 0o755);
    const mb = callsIn(dir, { tty: { stdin: true }, env: { PATH: `${join(dir, 'bin')}:${process.env['PATH']}` } });
    expect(await mb('login')).toMatchObject({ code: 0, out: 'signed in\n' });
    writeFileSync(join(dir, 'refuse'), '');
    expect(await mb('login')).toMatchObject({ code: 1 });
    expect(await callsIn(dir, { tty: { stdin: true }, env: { PATH: '/nonexistent' } })('login')).toMatchObject({
      code: 69,
      err: expect.stringContaining('mailboxd setup'),
    });
  });
});

test('setup finds a CLI that is there, and installs none without being told to', async () => {
  const dir = testdir({ 'bin/claude': CLAUDE });
  chmodSync(join(dir, 'bin', 'claude'), 0o755);
  const env = { PATH: `${join(dir, 'bin')}:${process.env['PATH']}` };
  expect((await callsIn(dir, { env })('setup', '--json')).json()).toEqual({
    installed: false,
    path: join(dir, 'bin', 'claude'),
    version: '2.1.197',
  });
  expect(await callsIn(dir)('setup')).toMatchObject({ code: 64, err: expect.stringContaining('--yes') });
  expect(await callsIn(dir, { env: { PATH: '/nonexistent' } })('setup', '--yes')).toMatchObject({
    code: 69,
    err: expect.stringContaining('npm'),
  });
});

test('service prints a definition, and says by its exit code whether it runs', async () => {
  const { dir, mb } = await makeRoot();
  expect(await mb('service', 'print', '--platform', 'linux')).toMatchObject({
    code: 0,
    out: expect.stringContaining('[Service]'),
  });
  expect((await mb('service', 'print', '--platform', 'macos', '--json')).json()).toMatchObject({
    action: 'print',
    platform: 'macos',
    root: dir,
  });
  expect((await mb('service', 'status')).code).toBe(1);
  expect((await mb('service', 'logs', '--json')).json()).toMatchObject({ lines: [] });
  expect(await mb('service', 'begin')).toMatchObject({ code: 64 });
});

describe('completion', () => {
  test('offers commands, options, choices and mailboxes', async () => {
    const { mb } = await makeRoot({ 'templates/review.md': 'x' });
    const offer = async (...words: string[]): Promise<string[]> =>
      (await mb('--get-completions', ...words)).out.split('\n').filter((word) => word !== '');
    expect(await offer('se')).toEqual(['send', 'setup', 'service']);
    expect(await offer('--v')).toEqual(['--version']);
    expect(await offer('list', '--st')).toEqual(['--state']);
    expect(await offer('list', '--state', 'in')).toEqual(['inbox', 'in_progress']);
    expect(await offer('send', '')).toEqual(['laptop', 'server']);
    expect(await offer('send', '--reply', 's')).toEqual(['server']);
    expect(await offer('send', 'server', '--template', '')).toEqual(['review']);
    expect(await offer('service', 'st')).toEqual(['status']);
    expect(await offer('list', '--limit', '')).toEqual([]);
  });

  test.each(['bash', 'zsh', 'fish'])('the %s script is whole', async (shell) => {
    const { out } = await callsIn(testdir())('completion', shell);
    expect(out).toContain('--get-completions');
    if (shell === 'bash') execFileSync('bash', ['-n', '-c', out]);
    expect((await callsIn(testdir(), { env: { SHELL: `/bin/${shell}` } })('completion')).out).toBe(out);
  });
});
