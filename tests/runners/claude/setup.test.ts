import { chmodSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkClaude } from '../../../src/runners/claude/login.js';
import {
  findClaude,
  installClaude,
  installDir,
  probeLogin,
  runLogin,
  storeToken,
} from '../../../src/runners/claude/index.js';
import { claudeCli } from '../../support/claude-cli.js';
import { unauthorized } from '../../support/messages-api/server.mjs';
import { testdir } from '../../support/testdir.js';
import { makeSetting } from './harness.js';

it('real CLI: check says the version and how it is signed in', async () => {
  const { config, environment, runner } = await makeSetting();
  expect(await runner.check()).toEqual({
    ok: true,
    message: 'claude 2.1.197, signed in by ANTHROPIC_API_KEY from the environment',
  });
  const none = { ...environment, ANTHROPIC_API_KEY: '' };
  expect(await checkClaude(config, none)).toMatchObject({ ok: false, message: 'claude 2.1.197 is not signed in' });
  const file = await storeToken('sk-ant-oat01-a-token-for-a-test', environment);
  expect(await checkClaude(config, none)).toEqual({
    ok: true,
    message: `claude 2.1.197, signed in by the token in ${file}`,
  });
});

it('real CLI: probeLogin asks the API whether the login works', async () => {
  const good = await makeSetting();
  expect(await probeLogin(good.config, { environment: good.environment })).toMatchObject({ ok: true });
  expect(good.api.requests).toHaveLength(1);
  expect(good.api.requests[0]?.body.tools ?? []).toEqual([]);
  const bad = await makeSetting({ script: [{ times: Infinity, reply: unauthorized }] });
  expect(await probeLogin(bad.config, { environment: bad.environment })).toMatchObject({
    ok: false,
    message: expect.stringContaining('401'),
    hint: expect.stringContaining('mailboxd login'),
  });
  const hung = await makeSetting({ script: [{ times: Infinity, reply: { hang: true } }] });
  const probe = await probeLogin(hung.config, { environment: hung.environment, limit: 1_000 });
  expect(probe).toMatchObject({ ok: false, message: expect.stringContaining('in time') });
});

it('check says what is missing, and where it looked', async () => {
  const home = testdir({ 'bin/claude': '#!/bin/sh\necho hello' });
  const config = { path: 'claude', env: {}, profiles: {}, warm: 0, mcp_servers: {} };
  const environment = { HOME: home, PATH: '/usr/bin:/bin' };
  expect(await checkClaude(config, environment)).toMatchObject({
    ok: false,
    hint: expect.stringContaining('mailboxd setup'),
  });
  const fake = join(home, 'bin', 'claude');
  chmodSync(fake, 0o755);
  expect(await checkClaude({ ...config, path: fake }, environment)).toMatchObject({
    ok: false,
    message: `${fake} does not answer as the Claude CLI does: hello`,
  });
  await expect(runLogin(config, { environment })).rejects.toThrow('not found');
});

/** A package of the shape of the CLI's: a placeholder, and a script that puts the program in place. */
function makePackage(): string {
  return testdir({
    'package.json': JSON.stringify({
      name: '@anthropic-ai/claude-code',
      version: '9.9.9',
      bin: { claude: 'claude.sh' },
    }),
    'claude.sh': '#!/bin/sh\necho placeholder\n',
    'install.cjs': `require('fs').writeFileSync('claude.sh', '#!/bin/sh\\necho "9.9.9 (Claude Code)"\\n', {mode: 0o755})`,
  });
}

it('setup installs for this user, whole or not at all, and the runner finds it there', async () => {
  const home = testdir();
  const environment = { HOME: home, PATH: process.env['PATH'], npm_config_install_links: 'true' };
  const installed = await installClaude({ environment, package: makePackage() });
  expect(installed).toEqual({
    path: join(installDir(environment), 'node_modules', '.bin', 'claude'),
    version: '9.9.9',
  });
  expect(findClaude('claude', { ...environment, PATH: '/nowhere' })).toBe(installed.path);
  const before = statSync(installDir(environment)).ino;
  await expect(installClaude({ environment, package: join(home, 'no-such-package') })).rejects.toThrow(
    'could not be installed',
  );
  expect(statSync(installDir(environment)).ino).toBe(before);
  await installClaude({ environment, package: makePackage() });
  expect(statSync(installDir(environment)).ino).not.toBe(before);
  expect(
    readFileSync(join(installDir(environment), 'node_modules/@anthropic-ai/claude-code/claude.sh'), 'utf8'),
  ).toContain('9.9.9');
});

it('real CLI: login runs the CLI’s own, and says when it did not work', async () => {
  const { config, environment } = await makeSetting({ config: { path: '/bin/false' } });
  expect(await runLogin(config, { environment })).toBe(false);
  expect(claudeCli()).toMatch(/claude$/);
});
