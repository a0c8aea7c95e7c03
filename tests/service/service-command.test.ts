import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { logDirOf } from '../../src/logging/logger.js';
import {
  serviceCommand,
  serviceExitCode,
  type ServiceAction,
  type ServiceOptions,
} from '../../src/service/service-command.js';
import type { ServicePlatform } from '../../src/service/spec.js';
import { testdir } from '../support/testdir.js';

/**
 * Stands in for a service manager's programs, since a test must not start services of its user's: notes how it was
 * called, answers what `answers/<its words>` say, and fails with what is in `refuse`.
 */
const RECORDER = `#!/bin/sh
self=\${0##*/}
dir=\${0%/*}/..
echo "$self $*" >> "$dir/calls"
if [ -e "$dir/refuse" ] && [ "$self" != systemd-notify ]; then cat "$dir/refuse" >&2; exit 1; fi
if [ -e "$dir/fail" ] && grep -qxF -- "$self $*" "$dir/fail"; then echo "Job failed." >&2; exit 1; fi
if [ -e "$dir/answers/$2" ]; then cat "$dir/answers/$2"; fi
exit 0
`;
const PROGRAMS = ['systemctl', 'systemd-notify', 'loginctl', 'launchctl', 'schtasks'];

function machine(platform: ServicePlatform = 'linux', files: Record<string, string> = {}) {
  const dir = testdir({ 'home/': '', 'answers/': '', calls: '', 'bin/recorder': RECORDER, ...files });
  chmodSync(join(dir, 'bin', 'recorder'), 0o755);
  for (const program of PROGRAMS) symlinkSync('recorder', join(dir, 'bin', program));
  const environment = {
    PATH: `${join(dir, 'bin')}:${process.env['PATH']}`,
    HOME: join(dir, 'home'),
    APPDATA: join(dir, 'home'),
    USER: 'someone',
  };
  const makeRoot = (name: string): string => {
    mkdirSync(join(dir, name, 'mailboxes'), { recursive: true });
    return join(dir, name);
  };
  return {
    dir,
    root: makeRoot('root'),
    makeRoot,
    call: (action: ServiceAction, options: Partial<ServiceOptions> = {}) =>
      serviceCommand(action, { root: join(dir, 'root'), platform, environment, ...options }),
    calls: () => {
      const text = readFileSync(join(dir, 'calls'), 'utf8');
      writeFileSync(join(dir, 'calls'), '');
      return text.trimEnd().split('\n');
    },
    put: (name: string, text: string) => writeFileSync(join(dir, name), text),
  };
}

describe('on Linux', () => {
  test('install writes unit and settings, and starts it; a second one changes nothing; uninstall takes it away', async () => {
    const host = machine();
    const { data, text, ok } = await host.call('install');
    const unit = `${data.name}.service`;
    expect(ok).toBe(true);
    expect(data).toMatchObject({ action: 'install', platform: 'linux', tried: true, installed: true, root: host.root });
    expect(data.file).toBe(join(host.dir, 'home/.config/systemd/user', unit));
    expect(readFileSync(data.file, 'utf8')).toBe((await host.call('print')).data.definition);
    expect(statSync(data.environment_file).mode & 0o777).toBe(0o600);
    expect(readFileSync(data.environment_file, 'utf8')).toContain('#ANTHROPIC_API_KEY=');
    expect(host.calls()).toEqual([
      'systemctl --user show-environment',
      'systemd-notify --version',
      'systemctl --user daemon-reload',
      `systemctl --user reset-failed ${unit}`,
      `systemctl --user enable ${unit}`,
      `systemctl --user restart ${unit}`,
      'loginctl show-user someone --property=Linger --value',
    ]);
    expect(text).toContain('loginctl enable-linger someone');

    writeFileSync(data.environment_file, 'ANTHROPIC_API_KEY=mine\n');
    chmodSync(data.environment_file, 0o644);
    await host.call('install');
    expect(host.calls()).toContain(`systemctl --user start ${unit}`);
    expect(readFileSync(data.environment_file, 'utf8')).toBe('ANTHROPIC_API_KEY=mine\n');
    expect(statSync(data.environment_file).mode & 0o777).toBe(0o600);

    const removed = await host.call('uninstall');
    expect(removed.data.installed).toBe(false);
    expect(host.calls()).toContain(`systemctl --user disable --now ${unit}`);
    expect(existsSync(data.file)).toBe(false);
    expect(readFileSync(data.environment_file, 'utf8')).toBe('ANTHROPIC_API_KEY=mine\n');
    expect((await host.call('uninstall')).text).toContain('is not installed');
  });

  test('says nothing of lingering where the service lingers', async () => {
    const host = machine();
    host.put('answers/someone', 'yes\n');
    expect((await host.call('install')).text).not.toContain('enable-linger');
  });

  test('two roots are two services', async () => {
    const host = machine();
    const one = await host.call('install');
    const two = await host.call('install', { root: host.makeRoot('other/root') });
    expect(one.data.file).not.toBe(two.data.file);
    expect(existsSync(one.data.file) && existsSync(two.data.file)).toBe(true);
    symlinkSync(host.root, join(host.dir, 'link'));
    expect((await host.call('status', { root: join(host.dir, 'link') })).data.name).toBe(one.data.name);
  });

  test('without a user session nothing is written, and it says what to do', async () => {
    const host = machine('linux', { refuse: 'Failed to connect to bus: No medium found\n' });
    await expect(host.call('install')).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('no systemd user session (Failed to connect to bus: No medium found)'),
      hint: expect.stringMatching(/in a container.*mailboxd start --root.*mailboxd service print/),
    });
    expect(existsSync(join(host.dir, 'home/.config'))).toBe(false);
  });

  test('without systemd at all it says the same', async () => {
    const host = machine();
    const environment = { PATH: '/nonexistent', HOME: join(host.dir, 'home') };
    await expect(host.call('install', { environment })).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('a start that fails is a failure that says where to look', async () => {
    const host = machine();
    const { data } = await host.call('print');
    host.put('fail', `systemctl --user restart ${data.name}.service\n`);
    await expect(host.call('install')).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('Job failed.'),
      hint: expect.stringContaining('journalctl'),
    });
  });

  test('a stop that fails leaves the unit where it is', async () => {
    const host = machine();
    const { data } = await host.call('install');
    host.put('fail', `systemctl --user disable --now ${data.name}.service\n`);
    await expect(host.call('uninstall')).rejects.toMatchObject({ code: 'failed' });
    expect(existsSync(data.file)).toBe(true);
  });

  test('status', async () => {
    const host = machine();
    expect(await host.call('status')).toMatchObject({ ok: false, data: { installed: false } });
    const { data } = await host.call('install');
    host.put(
      'answers/show',
      'ActiveState=active\nSubState=running\nMainPID=42\nStatusText=2 running, a=b\nNRestarts=3\nResult=success\nExecMainStatus=0\n',
    );
    const up = await host.call('status');
    expect(up).toMatchObject({ ok: true, data: { installed: true, file: data.file } });
    expect(up.data.service).toEqual({
      active: true,
      state: 'active (running)',
      pid: 42,
      status: '2 running, a=b',
      restarts: 3,
      without_login: false,
      outdated: false,
    });
    host.put(
      'answers/show',
      'ActiveState=failed\nSubState=failed\nMainPID=0\nStatusText=\nResult=watchdog\nExecMainStatus=6\n',
    );
    const down = await host.call('status', { main: '/elsewhere/main.js' });
    expect(down.ok).toBe(false);
    expect(down.data.service).toMatchObject({ active: false, pid: null, status: null, outdated: true });
    expect(down.text).toContain('last ended with watchdog (6)');
    host.put('refuse', 'Failed to connect to bus\n');
    expect((await host.call('status')).data.service).toMatchObject({ active: null, state: 'Failed to connect to bus' });
  });

  test('uninstall without a session still takes the unit away, and says so', async () => {
    const host = machine();
    const { data } = await host.call('install');
    host.put('refuse', 'no bus\n');
    expect((await host.call('uninstall')).text).toContain('Nobody could be asked to stop it (no bus)');
    expect(existsSync(data.file)).toBe(false);
  });
});

test('a folder that is no root is not installed', async () => {
  const host = machine();
  await expect(host.call('install', { root: join(host.dir, 'home') })).rejects.toMatchObject({
    code: 'not_found',
    hint: expect.stringContaining('init'),
  });
});

test('logs shows the last lines in words, and the lines themselves as data', async () => {
  const host = machine();
  expect((await host.call('logs')).text).toContain('has no lines yet');
  mkdirSync(logDirOf(host.root), { recursive: true });
  const line = JSON.stringify({ level: 'info', time: 'x', mailbox: 'server', msg: 'claimed' });
  writeFileSync(join(logDirOf(host.root), 'mailboxd.log'), `${line}\n${line}\n`);
  const { text, data } = await host.call('logs', { lines: 1 });
  expect(text).toBe('info  claimed mailbox=server\n');
  expect(data.lines).toEqual([line]);
});

test.each(['macos', 'windows'] as const)(
  'on %s: the right programs are asked, and it says that nobody tried it',
  async (platform) => {
    const host = machine(platform);
    const { text, data } = await host.call('install');
    expect(text).toContain('Not tried');
    expect((await host.call('print')).text).toContain('NOT TRIED');
    expect(data).toMatchObject({ platform, tried: false, installed: true });
    expect(existsSync(data.file)).toBe(true);
    const manager = platform === 'macos' ? 'launchctl' : 'schtasks';
    const asked = host.calls();
    expect(asked.length).toBeGreaterThan(1);
    expect(asked.every((call) => call.startsWith(manager))).toBe(true);
    if (platform === 'windows') expect(asked).toContain(`schtasks /Create /TN ${data.name} /XML ${data.file} /F`);
    expect((await host.call('status')).data.service).toBeDefined();
    await host.call('uninstall');
    expect(existsSync(data.file)).toBe(false);
  },
);

test('only under launchd is a configuration error no failure', () => {
  expect(serviceExitCode(64, { MAILBOXD_SERVICE: 'launchd' })).toBe(0);
  expect(serviceExitCode(78, { MAILBOXD_SERVICE: 'launchd' })).toBe(0);
  expect(serviceExitCode(1, { MAILBOXD_SERVICE: 'launchd' })).toBe(1);
  expect(serviceExitCode(64, { MAILBOXD_SERVICE: 'systemd' })).toBe(64);
  expect(serviceExitCode(64, {})).toBe(64);
});
