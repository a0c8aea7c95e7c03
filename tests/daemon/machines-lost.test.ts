/** Hosts that die and remotes that go away, with two roots over one remote on a path. */
import { readFileSync, renameSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { arrived, drop, pathOf, runDaemon, tree } from '../support/daemon.js';
import { bareRepository, git, remoteRoot } from '../support/git-host.js';
import { ENDLESS, isRunning, keptIn, notedProcess, scriptedRoot } from '../support/scripted-root.js';
import { waitUntil } from '../support/wait-until.js';
import { listKept } from '../../src/mailbox/kept.js';
import { startDaemonProcess, told } from '../faults/daemon-process.js';

/** How long anything may take on a busy machine, ms. */
const PATIENCE = 28_000;

const claims = (url: string): string => git(url, 'for-each-ref', 'refs/mailboxd/claims');
const isClaimed = (root: string): boolean => told(root).some(({ type }) => type === 'claimed');

describe('a daemon that is killed', () => {
  it('has its task taken over, which ends once, and sets its own output aside when it is back', async () => {
    const url = bareRepository();
    const first = scriptedRoot(url, 'first-1', ENDLESS, 'lease: 3s\n');
    const second = remoteRoot(url, 'second-1', ['server'], 'lease: 3s\n');
    const process = startDaemonProcess(first);
    drop(first, 'server', 'task.md', 'simulate: answer Here it is.\n');
    const runner = await waitUntil(() => notedProcess(first), { timeout: PATIENCE, what: 'the run' });
    // From now on it is there with the id that it was given.
    const shown = (): boolean =>
      git(url, 'ls-tree', '-r', '--name-only', 'main').includes('server/in_progress/task.md');
    await waitUntil(shown, { timeout: PATIENCE, what: 'main to show that it runs' });
    await using other = await runDaemon(second);
    await process.kill();
    await waitUntil(() => !isRunning(runner), { timeout: PATIENCE, what: 'the runner to end' });

    const text = await arrived(second, 'server', 'complete', 'task.md', PATIENCE);
    expect(text).toMatch(/^crashes: 1$/m);
    expect(text.match(/^## Result$/gm)).toHaveLength(1);
    expect(other.events.find(({ type }) => type === 'taken over')).toMatchObject({ from: 'server@first-1' });
    await waitUntil(() => claims(url) === '', { timeout: PATIENCE, what: 'the claim to be let go' });

    await using back = await runDaemon(first, { runner: 'simulator' });
    await arrived(first, 'server', 'complete', 'task.md', PATIENCE);
    await waitUntil(() => tree(first).join() === 'server/complete/task.md', {
      timeout: PATIENCE,
      what: `the folders to be as on main; there is ${tree(first).join()}`,
    });
    expect(readFileSync(pathOf(first, 'server', 'complete', 'task.md'), 'utf8')).toBe(text);
    expect(back.events.filter(({ type }) => type === 'claimed')).toEqual([]);
    expect(keptIn(first)).toEqual([expect.stringContaining('the words of the first')]);
  });

  it('again and again by one task, leaves it in failed/ after max_crashes, counted across hosts', async () => {
    const url = bareRepository();
    const yaml = 'lease: 2s\nlimits: { max_crashes: 2 }\n';
    const roots = ['first-1', 'second-1'].map((host) => scriptedRoot(url, host, 'kill -9 $PPID; sleep 600', yaml));
    const [first = '', second = ''] = roots;
    drop(first, 'server', 'deadly.md', 'Kill whoever runs this.\n');
    expect(await startDaemonProcess(first).ended).toBe('SIGKILL');
    expect(await startDaemonProcess(second).ended).toBe('SIGKILL');
    expect(roots.map(isClaimed)).toEqual([true, true]);

    const last = remoteRoot(url, 'third-1', ['server'], yaml);
    await using daemon = await runDaemon(last);
    const text = await arrived(last, 'server', 'failed', 'deadly.md', PATIENCE);
    expect(text).toMatch(/^crashes: 2$/m);
    expect(text).toContain('max_crashes');
    expect(daemon.events.filter(({ type }) => type === 'claimed')).toEqual([]);
  });
});

describe('a remote that is away', () => {
  it('does not keep back the tasks of a mailbox that is served here alone', async () => {
    const url = bareRepository();
    renameSync(url, `${url}-away`);
    const root = remoteRoot(url, 'alone-1', ['server'], 'claims: { server: local }\n');
    await using daemon = await runDaemon(root);
    drop(root, 'server', 'task.md', 'simulate: answer Done without you.\n');
    await arrived(root, 'server', 'complete', 'task.md', PATIENCE);
    const trouble = await daemon.event('trouble', undefined, PATIENCE);
    expect(trouble.hint).toBeDefined();
    renameSync(`${url}-away`, url);
    const onMain = (): boolean => git(url, 'ls-tree', '-r', '--name-only', 'main').includes('server/complete/task.md');
    await waitUntil(() => git(url, 'for-each-ref', 'refs/heads/main') !== '' && onMain(), {
      timeout: PATIENCE,
      what: 'the result on main',
    });
    expect(git(url, 'show', 'main:mailboxes/server/complete/task.md')).toContain('Done without you.');
  });

  it('ends a run with its lease; its output is kept, and the task run again when the remote is back', async () => {
    const url = bareRepository();
    // The first run never ends by itself.
    const script =
      'if [ -e "$NOTE" ]; then echo again; else echo $$ >"$NOTE"; echo the first words; exec sleep 600; fi';
    const root = scriptedRoot(url, 'cut-1', script, 'lease: 3s\n');
    await using daemon = await runDaemon(root, { runner: 'command' });
    drop(root, 'server', 'task.md', 'Work.\n');
    const started = await daemon.event('output', 'task.md', PATIENCE);
    const runner = notedProcess(root) ?? 0;
    renameSync(url, `${url}-away`);
    await waitUntil(() => !isRunning(runner), { timeout: PATIENCE, what: 'the run to be stopped' });
    expect(daemon.events.filter(({ type }) => type === 'claimed')).toHaveLength(1);

    renameSync(`${url}-away`, url);
    const text = await arrived(root, 'server', 'complete', 'task.md', PATIENCE);
    expect(text).toContain('again');
    expect(text).not.toContain('the first words');
    const lost = await daemon.event('lost', undefined, PATIENCE);
    expect(lost).toMatchObject({ id: started.id });
    expect(listKept(root, started.id)).toEqual([lost.kept]);
    expect(keptIn(root)).toHaveLength(1);
    expect(readFileSync(lost.kept ?? '', 'utf8')).toContain('the first words');
    await waitUntil(() => git(url, 'ls-tree', '-r', '--name-only', 'main').includes('server/complete/task.md'), {
      timeout: PATIENCE,
      what: 'the result on main',
    });
  });
});
