import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { renderLaunchdPlist } from '../../src/service/launchd.js';
import { renderScheduledTask } from '../../src/service/scheduled-task.js';
import { createSpec, serviceName, type ServiceSpec } from '../../src/service/spec.js';
import { renderSystemdUnit } from '../../src/service/systemd.js';
import { windowsManager } from '../../src/service/windows-manager.js';
import { print } from '../support/print.js';
import { testdir } from '../support/testdir.js';
import { folder, HOSTILE, specFor } from './hostile-spec.js';
import { onPath } from './notify-socket.js';
import { settingsOf, withoutSpecifiers, withoutVariables, wordsOf } from './read-unit.js';
import { find, plistValue, readXml } from './read-xml.js';

describe('systemd unit', () => {
  test('every path comes out of it as it went in', () => {
    fc.assert(
      fc.property(fc.array(folder, { minLength: 3, maxLength: 3 }), (names) => {
        const spec = specFor('linux', names);
        const unit = renderSystemdUnit(spec);
        const [command = '', ...others] = settingsOf(unit, 'ExecStart');
        expect(others).toEqual([]);
        const [program = '', ...argv] = wordsOf(command);
        const words = [program, ...argv.map(withoutVariables)];
        expect(words).toEqual(commandOf(spec));
        expect(program).not.toMatch(/["'\\]/);
        expect(wordsOf(settingsOf(unit, 'Environment')[0] ?? '')).toEqual([
          `PATH=${spec.path}`,
          'MAILBOXD_SERVICE=systemd',
        ]);
        const pattern = withoutSpecifiers(settingsOf(unit, 'EnvironmentFile')[0] ?? '');
        expect(pattern.replace(/\\(.)/g, '$1')).toBe(`-${spec.environmentFile}`);
        expect(pattern.replace(/\\./g, '')).not.toMatch(/[*?[\]]/);
        expect(withoutSpecifiers(settingsOf(unit, 'Description')[0] ?? '')).toBe(`mailboxd for "${spec.root}"`);
      }),
      { numRuns: 400 },
    );
  });

  test('says what a service needs', () => {
    const unit = renderSystemdUnit(specFor('linux', []));
    for (const line of [
      'Type=notify',
      'NotifyAccess=all',
      'WatchdogSec=60',
      'Restart=on-failure',
      'RestartPreventExitStatus=64 78',
      'TimeoutStopSec=120',
      'KillMode=mixed',
      'WantedBy=default.target',
    ]) {
      expect(unit.split('\n')).toContain(line);
    }
    expect(wordsOf(settingsOf(unit, 'Environment')[0] ?? '')[0]).toBe('PATH=/usr/bin:/b');
  });

  const analyze = onPath('systemd-analyze');
  if (!analyze) print('service: no systemd-analyze on this machine; the unit was read by the tests alone');

  test('systemd-analyze verify has nothing to say, and would have', () => {
    const dir = testdir({ 'run/': '' });
    chmodSync(join(dir, 'run'), 0o700);
    const files = HOSTILE.map((name, n) => {
      const node = join(dir, name, 'bin', 'node');
      mkdirSync(dirname(node), { recursive: true });
      symlinkSync(process.execPath, node);
      const spec = createSpec({
        root: join(dir, name),
        platform: 'linux',
        environment: { HOME: join(dir, name, 'home'), PATH: `${join(dir, name)}:/usr/bin` },
        node,
        main: join(dir, name, 'main.js'),
      });
      const file = join(dir, `unit-${n}.service`);
      writeFileSync(file, renderSystemdUnit(spec));
      return file;
    });
    const bad = join(dir, 'bad.service');
    writeFileSync(bad, renderSystemdUnit(specFor('linux', ['x'])).replace('Type=notify', 'Type=nofity'));
    if (!analyze) return;
    const verify = (...args: string[]) =>
      spawnSync(analyze, args, {
        encoding: 'utf8',
        env: { PATH: process.env['PATH'], HOME: dir, XDG_RUNTIME_DIR: join(dir, 'run'), LC_ALL: 'C.UTF-8' },
      });
    for (const manager of [['--user'], []]) {
      const { status, stderr } = verify(...manager, 'verify', ...files);
      expect(stderr).toBe('');
      expect(status).toBe(0);
    }
    expect(verify('--user', 'verify', bad).stderr).toMatch(/nofity/);
  });

  test('systemd itself reads the paths that were meant', () => {
    const systemd = ['/lib/systemd/systemd', '/usr/lib/systemd/systemd'].find((file) => existsSync(file));
    if (!systemd || !analyze) {
      print('service: no systemd on this machine; its own reading of the unit was not asked for');
      return;
    }
    const dir = testdir({ 'run/': '', 'units/default.target': '[Unit]\nDescription=none\n' });
    const specs = HOSTILE.map((name) => specFor('linux', [name, name, name]));
    for (const spec of specs) writeFileSync(join(dir, 'units', `${spec.name}.service`), renderSystemdUnit(spec));
    const wanted = specs.map((spec) => `Wants=${spec.name}.service\n`).join('');
    writeFileSync(join(dir, 'units', 'all.target'), `[Unit]\n${wanted}`);
    // It does not dump what it read for root; anybody else will do.
    const root = process.getuid?.() === 0;
    const as = root ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
    chmodSync(dir, 0o755);
    chmodSync(join(dir, 'run'), 0o700);
    if (root) chownSync(join(dir, 'run'), 65_534, 65_534);
    const [program, ...args] = [...as, systemd, '--test', '--user', '--unit=all.target'];
    const dump = execFileSync(program, args, {
      encoding: 'utf8',
      env: {
        PATH: '/usr/bin:/bin',
        HOME: dir,
        XDG_RUNTIME_DIR: join(dir, 'run'),
        SYSTEMD_UNIT_PATH: join(dir, 'units'),
      },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const read = (label: string) =>
      [...dump.matchAll(new RegExp(`^\\s*${label}: (.*)$`, 'gm'))].map(([, value = '']) => value);
    // The dump quotes words as a shell would.
    const commands = read('Command Line').map((line) =>
      [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(
        ([, quoted, plain]) => quoted?.replace(/\\(.)/g, '$1') ?? plain,
      ),
    );
    for (const spec of specs) {
      // A doubled dollar is taken away when it is started.
      const [program = '', ...argv] = commandOf(spec);
      expect(commands).toContainEqual([program, ...argv.map((argument) => argument.replaceAll('$', '$$$$'))]);
      expect(read('Environment')).toContain(`PATH=${spec.path}`);
      expect(read('EnvironmentFile').map((file) => file.replace(/\\(.)/g, '$1'))).toContain(`-${spec.environmentFile}`);
      expect(read('Description')).toContain(`mailboxd for "${spec.root}"`);
    }
  });
});

/** What is to be started. systemd takes no quotes and backslashes in the program's own path. */
function commandOf(spec: ServiceSpec): string[] {
  const argv = [spec.node, spec.main, 'start', '--root', spec.root];
  return /["'\\]/.test(spec.node) ? ['/bin/sh', '-c', 'exec "$0" "$@"', ...argv] : argv;
}

const python = onPath('python3');
if (!python) print('service: no python3 on this machine; the XML was read by the tests alone');

function pythonReads(script: string, input: Buffer): unknown {
  return JSON.parse(execFileSync(python ?? '', ['-c', script], { input, encoding: 'utf8' }));
}

test('launchd agent: every value comes out of the plist as it went in', () => {
  fc.assert(
    fc.property(fc.array(folder, { minLength: 3, maxLength: 3 }), (names) => {
      const spec = specFor('macos', names);
      expect(plistValue(readXml(renderLaunchdPlist(spec)))).toMatchObject(agentOf(spec));
    }),
    { numRuns: 200 },
  );
  if (!python) return;
  for (const name of HOSTILE) {
    const spec = specFor('macos', [name, name, name]);
    const script = 'import plistlib,json,sys; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))';
    expect(pythonReads(script, Buffer.from(renderLaunchdPlist(spec)))).toMatchObject(agentOf(spec));
  }
});

function agentOf(spec: ServiceSpec) {
  return {
    Label: `dev.mailboxd.${spec.name}`,
    ProgramArguments: [spec.node, `--env-file=${spec.environmentFile}`, spec.main, 'start', '--root', spec.root],
    EnvironmentVariables: { PATH: spec.path, MAILBOXD_SERVICE: 'launchd' },
    RunAtLoad: true,
    KeepAlive: { SuccessfulExit: false },
    ExitTimeOut: 120,
  };
}

describe('scheduled task', () => {
  const safe = HOSTILE.filter((name) => !/%|\$\(|"/.test(name));

  test.each(safe)('well-formed, with its arguments whole: %s', (name) => {
    const spec = specFor('windows', [name, name, name], { root: `C:\\${name}\\x`, main: `C:\\${name}\\` });
    const task = readXml(renderScheduledTask(spec));
    expect(find(task, 'Command')?.text).toBe(spec.node);
    expect(find(task, 'WorkingDirectory')?.text).toBe(spec.root);
    expect(find(task, 'UserId')?.text).toBe('D&D\\me');
    const expected = [`--env-file=${spec.environmentFile}`, spec.main, 'start', '--root', spec.root];
    expect(splitCommandLine(find(task, 'Arguments')?.text ?? '')).toEqual(expected);
    if (!python) return;
    const script =
      'import xml.etree.ElementTree as e,json,sys; t=e.fromstring(sys.stdin.buffer.read());' +
      "print(json.dumps([x.text for x in t.iter() if x.tag.endswith('}Arguments')]))";
    const [read] = pythonReads(script, windowsManager.encode(renderScheduledTask(spec))) as string[];
    expect(splitCommandLine(read ?? '')).toEqual(expected);
  });

  test.each(['%TEMP%', '$(Arg0)'])('a path with %s is refused: the scheduler would replace it', (name) => {
    expect(() => renderScheduledTask(specFor('windows', [name]))).toThrow(/task scheduler would replace a variable/);
  });

  test('is written as UTF-16 with its mark', () => {
    const bytes = windowsManager.encode('<a/>');
    expect([...bytes.subarray(0, 4)]).toEqual([0xff, 0xfe, 0x3c, 0]);
  });
});

test('two roots are two services, one root is one', () => {
  expect(serviceName('/a/mail')).toMatch(/^mailboxd-mail-[0-9a-f]{8}$/);
  expect(serviceName('/a/mail')).toBe(serviceName('/a/mail'));
  expect(serviceName('/a/mail')).not.toBe(serviceName('/b/mail'));
  expect(serviceName('/a/日本')).toMatch(/^mailboxd-message-[0-9a-f]{8}$/);
});

test.each([
  ['/a\nExecStart=/bin/evil', 'control character'],
  ['/a\u0000', 'control character'],
  ['relative', 'not absolute'],
])('the root %j is refused', (root, why) => {
  expect(() => specFor('linux', [], { root })).toThrow(why);
});

test('a file of settings that a unit cannot name is refused', () => {
  expect(() => renderSystemdUnit({ ...specFor('linux', []), environmentFile: '/a/b\\' })).toThrow('cannot say');
});

/** CommandLineToArgvW, for arguments after the program. */
function splitCommandLine(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quoted = false;
  for (let at = 0; at < line.length; ) {
    const slashes = /^\\*/.exec(line.slice(at))?.[0].length ?? 0;
    const next = line[at + slashes];
    if (next === '"') {
      word = (word ?? '') + '\\'.repeat(Math.floor(slashes / 2));
      if (slashes % 2 === 1) word += '"';
      else quoted = !quoted;
      at += slashes + 1;
    } else if (slashes > 0) {
      word = (word ?? '') + '\\'.repeat(slashes);
      at += slashes;
    } else if (!quoted && (next === ' ' || next === '\t')) {
      if (word !== undefined) words.push(word);
      word = undefined;
      at += 1;
    } else {
      word = (word ?? '') + next;
      at += 1;
    }
  }
  return word === undefined ? words : [...words, word];
}
