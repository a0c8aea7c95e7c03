/** docs/machines.md, followed word for word: its first part, with two directories and a bare repository. */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { git } from '../support/git-host.js';
import { testdir } from '../support/testdir.js';
import { waitUntil } from '../support/wait-until.js';
import { MAIN } from './harness.js';

const guide = readFileSync(fileURLToPath(new URL('../../docs/machines.md', import.meta.url)), 'utf8');

/** The shell blocks of the first part, by the heading that they stand below. */
function readSteps(): Map<string, string[]> {
  const part = guide.split(/^## /m).find((section) => section.startsWith('Two machines')) ?? '';
  const steps = new Map<string, string[]>();
  for (const section of part.split(/^### /m).slice(1)) {
    const title = section.slice(0, section.indexOf('\n'));
    steps.set(
      title,
      [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block ?? ''),
    );
  }
  return steps;
}

/** A person's machine: a home, and `mailboxd` on the PATH. */
function machine() {
  const home = testdir();
  const bin = join(home, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'mailboxd'), `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
  chmodSync(join(bin, 'mailboxd'), 0o755);
  const who = { NAME: 'Person', EMAIL: 'person@example.org' };
  const env = {
    ...{ HOME: home, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`, LC_ALL: 'C' },
    ...{ GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', NODE_V8_COVERAGE: process.env['NODE_V8_COVERAGE'] },
    ...Object.fromEntries(
      Object.entries(who).flatMap(([key, value]) =>
        [`AUTHOR_${key}`, `COMMITTER_${key}`].map((name) => [`GIT_${name}`, value]),
      ),
    ),
  };
  const start = (block: string) => {
    const child = spawn('sh', ['-ec', block], { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let out = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')));
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    return { child, ended, out: () => out };
  };
  const run = async (block: string | undefined): Promise<string> => {
    const { ended, out } = start(block ?? 'exit 99');
    const code = await ended;
    if (code !== 0) throw new Error(`${block ?? 'a block that is missing'} ended with ${code}:\n${out()}`);
    return out();
  };
  return { home, start, run };
}

test('the first part of the guide works, word for word', async () => {
  const [remote, daemon, send, read, plain, doctor] = [...readSteps().values()];
  const { home, start, run } = machine();

  const made = await run(remote?.[0]);
  expect(made).toContain(`${home}/server is server, serves server, and runs tasks with simulator`);
  expect(made).toMatch(/^joined to .*\/mail\.git: sent 1; main is at [0-9a-f]{7}$/m);
  expect(await run(remote?.[0]?.split('\n').slice(1).join('\n'))).toContain('is complete; nothing was changed');

  const server = start(daemon?.[0] ?? '');
  try {
    await waitUntil(() => server.out().includes('mailboxd serves server'), { timeout: 20_000 });

    expect(await run(send?.[0])).toMatch(/^[0-9a-f-]{36}\nsent 1; main is at [0-9a-f]{7}$/m);

    let seen = '';
    await waitUntil(
      async () => {
        seen += await run(read?.[0]);
        return seen.includes('\tcomplete\t');
      },
      { timeout: 20_000 },
    );
    expect(seen).toMatch(/^received \d+; main is at [0-9a-f]{7}$/m);
    expect(await run(read?.[1])).toMatch(/Say hello to the laptop[^]*## Result\n\n.*simulated/);

    expect(await run(plain?.[0])).toMatch(/^sent 1; main is at/m);
    const finished = (): number =>
      git(join(home, 'mail.git'), 'log', '--format=%s', 'main').split('finish server').length - 1;
    await waitUntil(() => finished() === 2, { timeout: 20_000 });
    const log = await run(plain?.[1]);
    for (const line of ['send server: 1 message', 'finish server: 1 message', 'Tell what this is'])
      expect(log).toContain(line);
    expect(git(join(home, 'mail.git'), 'show', 'main:README.md')).toBe('What we use this for');

    expect(await run(doctor?.[0])).toMatch(/^ok +remote .*a push is taken whole/m);
  } finally {
    process.kill(-(server.child.pid ?? 0), 'SIGINT');
    await server.ended;
  }
  expect([remote, daemon, send, read, plain, doctor].map((blocks) => blocks?.length)).toEqual([1, 1, 1, 2, 2, 1]);
  for (const dir of ['server', 'laptop']) expect(git(join(home, dir), 'status', '--porcelain')).toBe('');
});
