import { spawn } from 'node:child_process';
import { closeSync, openSync, watch } from 'node:fs';
import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { openFiles, processesIn, resources, watches } from '../support/leftovers.js';
import { testdir } from '../support/testdir.js';
import { waitUntil } from '../support/wait-until.js';

/** Kinds of resource there are more of than before. */
function added(before: Map<string, string[]>): string[] {
  return [...resources()].filter(([type, now]) => now.length > (before.get(type)?.length ?? 0)).map(([type]) => type);
}

const linux = process.platform === 'linux';

describe('the look for leftovers', () => {
  it('sees a watcher, also one that does not hold the process', async () => {
    const dir = testdir({ 'in/': '' });
    const before = resources();
    const count = watches();
    const first = watch(dir);
    const second = watch(`${dir}/in`, { persistent: false });
    expect(added(before)).toEqual(['FSEventWrap']);
    if (linux) expect(watches()).toBe(count + 2);
    first.close();
    second.close();
    await waitUntil(() => added(before).length === 0, { what: 'the end of the watcher' });
    expect(watches()).toBe(count);
  });

  it('sees a server and a timer', async () => {
    const before = resources();
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const timer = setTimeout(() => undefined, 60_000);
    expect(added(before).toSorted()).toEqual(['TCPServerWrap', 'Timeout']);
    clearTimeout(timer);
    await new Promise((closed) => server.close(closed));
    await waitUntil(() => added(before).length === 0, { what: 'the end of the server' });
  });

  it.runIf(linux)('sees an open file, a child, and a process that left its parents', async () => {
    const dir = testdir({ 'a.txt': '' });
    const file = openSync(`${dir}/a.txt`, 'r');
    expect(openFiles([dir])).toEqual([`${dir}/a.txt`]);
    closeSync(file);
    expect(openFiles([dir])).toEqual([]);

    const child = spawn('sh', ['-c', 'env -i setsid sleep 61 & exec sleep 62'], { cwd: dir, stdio: 'ignore' });
    await waitUntil(() => processesIn([dir]).filter(({ command }) => command.startsWith('sleep')).length === 2, {
      what: 'both processes',
    });
    const commands = processesIn([dir]).map(({ command }) => command);
    expect(commands.toSorted()).toEqual(['sleep 61', 'sleep 62']);
    for (const { pid } of processesIn([dir])) process.kill(pid, 'SIGKILL');
    await waitUntil(() => child.signalCode !== null && processesIn([dir]).length === 0, { what: 'their end' });
  });
});
