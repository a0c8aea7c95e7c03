/** The program itself, told what a daemon would tell it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { Instant } from '../../src/core/lease.js';
import { parseCommand, readClocks } from '../../src/daemon/watchdog/watchdog-command.js';
import { processId } from '../../src/host/process-id.js';
import { endProcesses, findTagged } from '../../src/runners/process/index.js';
import { testdir } from '../support/testdir.js';
import { waitUntil } from '../support/wait-until.js';

const PROGRAM = fileURLToPath(new URL('../../dist/daemon/watchdog/watchdog-main.js', import.meta.url));
const home = testdir();
const sessions: string[] = [];
const programs: ChildProcess[] = [];
afterEach(async () => {
  for (const program of programs.splice(0)) {
    program.stdin?.end();
    await waitUntil(() => program.exitCode !== null || program.signalCode !== null, { what: 'the end of the program' });
  }
  for (const session of sessions.splice(0)) await endProcesses(session, undefined, { grace: 0 });
});

function startRun(): { session: string; process: string } {
  const session = randomUUID();
  sessions.push(session);
  const env = { PATH: process.env['PATH'] ?? '', MAILBOXD_RUN: session };
  const child = spawn('sleep', ['600'], { cwd: home, env, detached: true, stdio: 'ignore' });
  return { session, process: processId(child.pid ?? 0) ?? '' };
}

function startProgram(): ChildProcess {
  const env = { PATH: process.env['PATH'] ?? '', HOME: home };
  const program = spawn(process.execPath, [PROGRAM], { cwd: home, env, stdio: ['pipe', 'inherit', 'inherit'] });
  programs.push(program);
  return program;
}

const gone = (run: { session: string }): Promise<true> =>
  waitUntil(() => findTagged(run.session).length === 0, { what: 'the end of the run' });

function watchLine(run: { session: string; process: string }, left: number, at: Instant): string {
  return `${JSON.stringify({ watch: run.session, process: run.process, left, at })}\n`;
}

describe('the time of a run', () => {
  it.each<{ clock: string; wall: number; mono: number }>([
    { clock: 'wall clock, though the other stood still in a suspend', wall: 120_000, mono: 0 },
    { clock: 'monotonic clock, though the other was set back', wall: -120_000, mono: 120_000 },
  ])('is over by the $clock', async ({ wall, mono }) => {
    const program = startProgram();
    const now = readClocks();
    const [late, early] = [startRun(), startRun()];
    program.stdin?.write(watchLine(early, 180_000, { wall: now.wall - wall, mono: now.mono - mono }));
    program.stdin?.write(watchLine(late, 60_000, { wall: now.wall - wall, mono: now.mono - mono }));
    await gone(late);
    expect(findTagged(early.session)).toHaveLength(1);
  });
});

describe('the input', () => {
  it('ends every watched run when it ends, and the program after that', async () => {
    const program = startProgram();
    const [one, other] = [startRun(), startRun()];
    program.stdin?.write(watchLine(one, 60_000, readClocks()));
    program.stdin?.write(watchLine(other, 60_000, readClocks()));
    // A daemon that died while it wrote.
    program.stdin?.end(watchLine(other, 60_000, readClocks()).slice(0, 30));
    await waitUntil(() => program.exitCode === 0, { what: 'the end of the program' });
    expect([...findTagged(one.session), ...findTagged(other.session)]).toEqual([]);
  });

  it('may hold lines that are no commands', async () => {
    const program = startProgram();
    const run = startRun();
    program.stdin?.write(`\n{"watch":\nnull\n{"watch":1}\n${watchLine(run, 0, readClocks())}`);
    await gone(run);
    expect(program.exitCode).toBeNull();
  });
});

describe('a command', () => {
  const at = { wall: 1, mono: 2 };

  it.each([{ watch: 's', process: '1.2', left: 5, at }, { watch: 's', left: -5, at }, { forget: 's' }])(
    'is read: %j',
    (command) => {
      expect(parseCommand(JSON.stringify(command))).toEqual(command);
    },
  );

  it.each(['', '[]', '3', '{', '{}', '{"watch":"s"}', '{"watch":"s","left":null,"at":{"wall":1,"mono":2}}'])(
    'is not: %s',
    (line) => {
      expect(parseCommand(line)).toBeUndefined();
    },
  );

  it('without a session is none, for it would fit every process', () => {
    expect(parseCommand(JSON.stringify({ watch: '', left: 0, at }))).toBeUndefined();
  });
});
