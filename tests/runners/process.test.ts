import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Child,
  endProcesses,
  findTagged,
  isAlive,
  processId,
  startChild,
} from '../../src/runners/process/index.js';
import { waitUntil } from '../support/wait-until.js';

const sessions: string[] = [];
afterEach(async () => {
  for (const session of sessions.splice(0)) await endProcesses(session, undefined, { grace: 0 });
});

function newSession(): string {
  const session = randomUUID();
  sessions.push(session);
  return session;
}

interface Started {
  child: Child;
  session: string;
  text(): string;
}

function shell(script: string): Started {
  const session = newSession();
  const chunks: Buffer[] = [];
  const child = startChild({
    argv: ['/bin/sh', '-c', script],
    cwd: tmpdir(),
    environment: { PATH: process.env['PATH'] ?? '', MAILBOXD_RUN: session },
    onStdout: (chunk) => chunks.push(chunk),
    onStderr: (chunk) => chunks.push(chunk),
  });
  return { child, session, text: () => Buffer.concat(chunks).toString() };
}

describe('process ids', () => {
  it('names a process by its number and its start', () => {
    const id = processId(process.pid) ?? '';
    expect(id).toMatch(new RegExp(`^${process.pid}\\.\\d+$`));
    expect(isAlive(id)).toBe(true);
    expect(isAlive(`${process.pid}.1`)).toBe(false);
    expect(isAlive(String(process.pid))).toBe(false);
    expect(isAlive('')).toBe(false);
    expect(isAlive('../1.2')).toBe(false);
  });

  it('knows that a process has ended, and that a zombie has too', async () => {
    const { child, session, text } = shell('sh -c "exit 0" & echo $!; exec sleep 30');
    await waitUntil(() => text().endsWith('\n'), { what: 'the number of the zombie' });
    const zombie = Number(text());
    const state = (): string => spawnSync('ps', ['-o', 'stat=', '-p', String(zombie)]).stdout.toString();
    await waitUntil(() => state().startsWith('Z'), { what: 'the zombie' });
    expect(processId(zombie)).toBeUndefined();

    const id = processId(child.pid ?? 0) ?? '';
    expect(isAlive(id)).toBe(true);
    expect(await endProcesses(session, child.pid, { grace: 1_000 })).toBe(0);
    await child.ended;
    expect(isAlive(id)).toBe(false);
    expect(findTagged(session)).toEqual([]);
  });
});

describe('a child', () => {
  it('sees its environment and nothing else, and reports its exit', async () => {
    const { child, session, text } = shell('env | sort | cut -d= -f1 | grep -v -e PWD -e _ -e SHLVL; exit 3');
    expect(await child.ended).toEqual({ kind: 'exit', code: 3, signal: null, left: false });
    expect(text().split('\n').filter(Boolean)).toEqual(['PATH']);
    expect(findTagged(session)).toEqual([]);
  });

  it('leads a process group', async () => {
    const { child, text } = shell('ps -o pgid= -p $$');
    await child.ended;
    expect(Number(text())).toBe(child.pid);
  });

  it('takes input, and survives one that does not read it', async () => {
    const reader = shell('cat');
    expect(reader.child.write('grüße\n')).toBe(true);
    reader.child.closeStdin();
    expect(reader.child.write('late')).toBe(false);
    await reader.child.ended;
    expect(reader.text()).toBe('grüße\n');

    const deaf = shell('exec 0<&-; echo done');
    deaf.child.write('x'.repeat(5_000_000));
    expect(await deaf.child.ended).toMatchObject({ kind: 'exit', code: 0 });
    expect(deaf.text()).toBe('done\n');
  });

  it('returns what kept it from starting', async () => {
    const start = (argv: string[], cwd = tmpdir()) =>
      startChild({ argv, cwd, environment: {}, onStdout: () => undefined, onStderr: () => undefined }).ended;
    expect(await start(['/no/such/program'])).toMatchObject({ kind: 'spawn', code: 'ENOENT' });
    expect(await start(['/etc/passwd'])).toMatchObject({ kind: 'spawn', code: 'EACCES' });
    expect(await start(['/bin/sh'], '/no/such/dir')).toMatchObject({ kind: 'spawn', code: 'cwd' });
    expect(await start(['/bin/sh', 'a\0b'])).toMatchObject({ kind: 'spawn' });
    expect(await start(['/bin/true', 'x'.repeat(3_000_000)])).toMatchObject({ kind: 'spawn', code: 'E2BIG' });
  });

  it('has all its output when it ends', async () => {
    const { child, text } = shell('head -c 3000000 /dev/zero | tr "\\0" x; echo; echo end');
    await child.ended;
    expect(text().length).toBe(3_000_005);
  });

  it('ends although a grandchild holds its stdout, and says that something is left', async () => {
    const inGroup = shell('echo a; sleep 30 & echo b');
    expect(await inGroup.child.ended).toMatchObject({ code: 0, left: true });
    expect(inGroup.text()).toBe('a\nb\n');

    const escaped = shell('setsid sleep 30 & echo c');
    expect(await escaped.child.ended).toMatchObject({ code: 0, left: true });

    const silent = shell('setsid sleep 30 >/dev/null 2>&1 </dev/null & echo d; sleep 0.1');
    expect(await silent.child.ended).toMatchObject({ code: 0, left: true });
    expect(findTagged(silent.session)).toHaveLength(1);
  });

  it('ends although a grandchild writes without end', async () => {
    const { child } = shell('yes & exit 0');
    expect(await child.ended).toMatchObject({ code: 0, left: true });
  });
});

describe('endProcesses', () => {
  it('ends the group, what left the group, and what lost its tag', async () => {
    const { child, session, text } = shell(
      `sleep ${nap}1 & setsid sleep ${nap}2 & env -i sleep ${nap}3 & env -i setsid sh -c "sleep ${nap}4; true" & sleep 0.2; echo ready; wait`,
    );
    await waitUntil(() => text().includes('ready'), { what: 'the children' });
    expect(await endProcesses(session, child.pid, { grace: 2_000 })).toBe(0);
    await child.ended;
    expect(findTagged(session)).toEqual([]);
    expect(sleepers()).toBe('');
  });

  it('insists when SIGTERM is ignored', async () => {
    const { child, session, text } = shell('trap "" TERM; echo ready; while :; do sleep 1; done');
    await waitUntil(() => text().includes('ready'), { what: 'the trap' });
    const started = performance.now();
    expect(await endProcesses(session, child.pid, { grace: 150 })).toBe(0);
    expect(performance.now() - started).toBeGreaterThan(140);
    expect(await child.ended).toMatchObject({ signal: 'SIGKILL' });
  });

  it('finds an untagged group member after its leader is gone', async () => {
    const { child, session } = shell(`env -i sleep ${nap} >/dev/null 2>&1 & exit 0`);
    expect(await child.ended).toMatchObject({ left: true });
    expect(await endProcesses(session, child.pid, { grace: 500 })).toBe(0);
    expect(sleepers()).toBe('');
  });

  it('takes an id from an earlier daemon, and only while it is that process', async () => {
    const stranger = spawn('sleep', ['36'], { detached: true, stdio: 'ignore', env: {} });
    const pid = stranger.pid ?? 0;
    const gone = new Promise((resolve) => stranger.once('exit', resolve));
    expect(await endProcesses(newSession(), `${pid}.1`, { grace: 50 })).toBe(0);
    expect(isAlive(processId(pid) ?? '')).toBe(true);
    expect(await endProcesses(newSession(), processId(pid), { grace: 500 })).toBe(0);
    await gone;
  });

  it('leaves alone a stranger that was given the number', async () => {
    const { child, session, text } = shell(`env -i setsid sh -c 'echo $$; exec sleep ${nap}' & wait`);
    await waitUntil(() => text().endsWith('\n'), { what: 'the number of the stranger' });
    const stranger = processId(Number(text())) ?? '';
    expect(await endProcesses(newSession(), Number(text()), { grace: 0 })).toBe(0);
    expect(isAlive(stranger)).toBe(true);
    await endProcesses(session, child.pid, { grace: 500 });
    await child.ended;
    expect(isAlive(stranger)).toBe(false);
  });

  it('leaves alone everything that is not of the run', async () => {
    const other = shell('exec sleep 37');
    expect(await endProcesses(newSession(), undefined, { grace: 0 })).toBe(0);
    expect(await endProcesses('', 1, { grace: 0 })).toBe(0);
    // A group of ours does not make its number's next owner ours: pid 1 and this process are never touched.
    expect(await endProcesses(newSession(), process.pid, { grace: 0 })).toBe(0);
    expect(isAlive(processId(other.child.pid ?? 0) ?? '')).toBe(true);
    await endProcesses(other.session, other.child.pid, { grace: 100 });
    await other.child.ended;
  });
});

/** A time to sleep that no other test, on this machine or in an earlier run, sleeps for. */
const nap = `600.${process.pid}${Date.now() % 1_000_000}`;

/** The command lines of all processes that sleep so long. */
function sleepers(): string {
  const all = spawnSync('ps', ['-eo', 'stat=,args=']).stdout.toString().split('\n');
  return all.filter((line) => line.includes(nap) && !line.startsWith('Z')).join('\n');
}
