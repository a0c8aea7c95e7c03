/**
 * The daemon and the CLI as processes of their own: killed without warning, or asked to stop. What a killed pair leaves
 * (a tool that runs on, four claims) is found by the next daemon.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pidOf } from '../../src/host/process-id.js';
import { findTagged } from '../../src/runners/process/index.js';
import type { TestDaemon } from '../support/daemon.js';
import { waitUntil } from '../support/wait-until.js';
import {
  bash,
  cliTranscript,
  cliTranscripts,
  dropTask,
  ended,
  expectGone,
  frontOf,
  makeScene,
  PATIENCE,
  said,
  type Scene,
  sessionOf,
  untilRunning,
} from './harness.js';

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** `mailboxd start`, built. */
function startMailboxd(scene: Scene): ChildProcess {
  return spawn(process.execPath, [program, 'start', '--root', scene.root], {
    env: scene.environment,
    cwd: scene.work,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** Drops a task whose tool sleeps; its session, once the tool runs and the CLI has written down what was said. */
async function sleeping(scene: Scene, tag: string, number: number, fields: string): Promise<string> {
  const first = { text: `The number is ${number}.`, tools: [bash('sleep 300')] };
  scene.script(tag, first, { text: `It was ${number}.` });
  dropTask(scene, `${tag}.md`, tag, `${fields}\noptions: { allowed_tools: [Bash] }`);
  const session = sessionOf(await untilRunning(scene, `${tag}.md`, '> **Bash** `sleep 300`'));
  await waitUntil(() => cliTranscript(scene, session).includes(String(number)), {
    timeout: PATIENCE,
    what: `the transcript of ${tag}`,
  });
  await waitUntil(() => sleeps(session).length > 0, { timeout: PATIENCE, what: `the tool of ${tag}` });
  return session;
}

/** The session's processes that are the tool. */
function sleeps(session: string): number[] {
  return findTagged(session).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith('sleep\0');
    } catch {
      return false;
    }
  });
}

/** The CLI's process, by what the daemon noted of it. */
function cliPid(scene: Scene, session: string): number {
  const entry: unknown = JSON.parse(readFileSync(join(scene.root, `.mailboxd/running/${session}.json`), 'utf8'));
  const { process: id } = entry as { process: string };
  return pidOf(id) ?? 0;
}

describe('after kill -9 of the daemon and of the CLI', () => {
  let scene: Scene;
  let next: TestDaemon | undefined;
  const sessions: Record<string, string> = {};
  let orphans = 0;

  beforeAll(async () => {
    scene = await makeScene({ yaml: 'limits: { concurrency: 4 }' });
    const killed = startMailboxd(scene);
    const exit = once(killed, 'exit');
    const tasks = {
      'go-on': 'on_crash: resume',
      'begin-again': 'on_crash: restart',
      'give-up': 'on_crash: fail',
      'not-stored': 'on_crash: resume',
    };
    await Promise.all(
      Object.entries(tasks).map(async ([tag, policy], index) => {
        sessions[tag] = await sleeping(scene, tag, 4_711 + index, policy);
      }),
    );
    const pids = Object.values(sessions).map((session) => cliPid(scene, session));
    killed.kill('SIGKILL');
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await exit;
    for (const file of cliTranscripts(scene, sessions['not-stored'] ?? '')) rmSync(file);
    orphans = Object.values(sessions).flatMap(sleeps).length;
    next = await scene.startDaemon();
  }, 60_000);
  afterAll(async () => {
    await next?.[Symbol.asyncDispose]();
    await scene.api.close();
  });

  it('real CLI: the next start ends what the tools left running', async () => {
    expect(orphans).toBe(4);
    expect(Object.values(sessions).flatMap(sleeps)).toEqual([]);
    const told = (next?.events ?? []).filter((event) => event.type === 'trouble').map(({ message }) => message);
    expect(
      told.filter((message) => /^a killed daemon had left \d+ process(es)? of .*; ended$/.test(message)),
    ).toHaveLength(4);
  });

  it('real CLI: after kill -9 of daemon and CLI the same session is resumed, and told that it was interrupted', async () => {
    const done = await ended(scene, 'complete', 'go-on.md');
    expect(sessionOf(done)).toBe(sessions['go-on']);
    expect(done).toMatch(
      /\ngo-on\n<!-- run 1 [^]*The number is 4711\.\n\n> \*\*Bash\*\* `sleep 300`\n\n_interrupted: [^\n]*_\n\n<!-- run 2 [^]*## Run 2\n[^]*## Result\n\nIt was 4711\.\n$/,
    );
    expect(frontOf(done)).toMatchObject({
      crashes: 1,
      runs: [
        { n: 1, outcome: 'interrupted', session: sessions['go-on'] },
        { n: 2, outcome: 'complete', session: sessions['go-on'] },
      ],
    });
    expect(frontOf(done).attempts).toBeUndefined();
    const requests = scene.requestsOf('go-on');
    expect(requests).toHaveLength(2);
    expect(said(requests[1])).toMatch(/go-on.*The number is 4711\..*You were interrupted.*check whether it was done/);
  });

  it('real CLI: on_crash: restart begins a new session with what is known', async () => {
    const done = await ended(scene, 'complete', 'begin-again.md');
    expect(sessionOf(done)).not.toBe(sessions['begin-again']);
    expect(done).toMatch(/## Run 2\n[^]*## Result\n\nIt was 4712\.\n$/);
    const [, second] = scene.requestsOf('begin-again');
    expect(second?.body.messages.filter(({ role }) => role === 'assistant')).toEqual([]);
    expect(said(second)).toMatch(
      /begin-again.*This task was begun before\. You were interrupted.*The number is 4712\./,
    );
  });

  it('real CLI: a session that the CLI does not know any more is begun anew, and the file says which', async () => {
    const done = await ended(scene, 'complete', 'not-stored.md');
    expect(sessionOf(done)).not.toBe(sessions['not-stored']);
    expect(frontOf(done)).toMatchObject({ crashes: 1, runs: [{ n: 1 }, { n: 2, session: sessionOf(done) }] });
    expect(frontOf(done).attempts).toBeUndefined();
    expect(done).toMatch(/## Run 2\n[^]*## Result\n\nIt was 4714\.\n$/);
    const [, second] = scene.requestsOf('not-stored');
    expect(said(second)).toMatch(/not-stored.*This task was begun before\. You were interrupted.*The number is 4714\./);
  });

  it('real CLI: on_crash: fail ends the task in failed/ and asks the API no more', async () => {
    const done = await ended(scene, 'failed', 'give-up.md');
    expect(frontOf(done)).toMatchObject({ crashes: 1, result: { outcome: 'failed', error: { code: 'interrupted' } } });
    expect(done).toMatch(/The number is 4713\.[^]*## Result\n\n\*\*Failed\*\* \(interrupted\)/);
    expect(scene.requestsOf('give-up')).toHaveLength(1);
  });
});

it('real CLI: SIGTERM hands the task back with no process left, and the next start resumes it', async () => {
  const scene = await makeScene({ yaml: 'grace: 300ms' });
  const daemon = startMailboxd(scene);
  const exit = once(daemon, 'exit');
  const session = await sleeping(scene, 'drain-me', 4_720, '');
  daemon.kill('SIGTERM');
  expect(await exit).toEqual([0, null]);
  expectGone(session);
  const waiting = await ended(scene, 'inbox', 'drain-me.md');
  expect(waiting).toMatch(/The number is 4720\.[^]*_handed back: its worker was stopped_\n$/);
  expect(frontOf(waiting)).toMatchObject({ runs: [{ n: 1, outcome: 'handed_back', session }] });
  expect(frontOf(waiting).claim).toBeUndefined();

  const next = await scene.startDaemon();
  try {
    const done = await ended(scene, 'complete', 'drain-me.md');
    expect(sessionOf(done)).toBe(session);
    expect(done).toMatch(/## Result\n\nIt was 4720\.\n$/);
    expect(frontOf(done).attempts).toBeUndefined();
    expect(frontOf(done).crashes).toBeUndefined();
    const requests = scene.requestsOf('drain-me');
    expect(said(requests.at(-1))).toMatch(/drain-me.*The number is 4720\..*You were interrupted.*was shut down/);
  } finally {
    await next[Symbol.asyncDispose]();
    await scene.api.close();
  }
});
