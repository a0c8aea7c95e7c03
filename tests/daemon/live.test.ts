import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { callsIn, start } from '../cli/harness.js';
import { arrived, drop, pathOf, runDaemon, type TestDaemon } from '../support/daemon.js';
import { bareRepository, git, remoteRoot } from '../support/git-host.js';
import { notePushes } from '../support/pushes.js';
import { waitUntil } from '../support/wait-until.js';

const ID = 'long-task-1';
const task = (span: string): string =>
  `---\nid: ${ID}\nfrom: laptop\n---\nCount\n\nsimulate: duration ${span}\nsimulate: length 3000\nsimulate: rate 20\n`;
const NONE = '0'.repeat(40);

interface Two extends AsyncDisposable {
  url: string;
  laptop: string;
  server: string;
  pushed: (pattern: RegExp) => string[];
  b: TestDaemon;
}

/** A server with its daemon, and a laptop with or without one. */
async function twoHosts(withLaptop: boolean): Promise<Two> {
  const url = bareRepository();
  const pushed = notePushes(url);
  const laptop = remoteRoot(url, 'laptop-1', ['laptop']);
  const server = remoteRoot(url, 'server-1', ['server']);
  const b = await runDaemon(server);
  const a = withLaptop ? await runDaemon(laptop) : undefined;
  return {
    ...{ url, laptop, server, pushed, b },
    async [Symbol.asyncDispose]() {
      await a?.daemon.stop(0);
      await b.daemon.stop(0);
    },
  };
}

const arrivedText = (laptop: string): string => {
  const path = pathOf(laptop, 'server', 'failed', 'x.md');
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
};
const refs = (url: string, kind: string): string => git(url, 'for-each-ref', `refs/mailboxd/${kind}`);
const isLive = (line: string): boolean => !line.split(' ')[1]?.startsWith(NONE);

describe('a task that runs on another host', () => {
  it('is followed there while it runs, and its output is on the remote only for that long', async () => {
    await using two = await twoHosts(true);
    const { url, laptop, server, pushed, b } = two;
    drop(laptop, 'server', 'x.md', task('6s'));
    await b.event('claimed', 'x.md');
    const began = performance.now();
    const one = start({ cwd: laptop }, 'tail', ID);
    const other = start({ cwd: laptop }, 'tail', ID, '--json');
    await waitUntil(() => one.out.includes('This is a simulated run') && other.out.includes('simulated'), {
      timeout: 8_000,
      what: 'the output, while it runs',
    });
    expect(existsSync(pathOf(server, 'server', 'in_progress', 'x.md'))).toBe(true);
    expect(one.err).toContain('running on server-1 as server@server-1');
    expect(git(url, 'show', `refs/mailboxd/live/${ID}:output.md`)).toContain('This is a simulated run');
    const [first, second] = [await one.result, await other.result];
    const seconds = (performance.now() - began) / 1_000;
    expect([first.code, second.code]).toEqual([0, 0]);
    // All of it, once, and in order.
    const whole = await arrived(laptop, 'server', 'complete', 'x.md');
    const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');
    const recorded = whole.slice(whole.indexOf('## Run 1')).replace(/^(<!-- .*|## .*)$/gm, '');
    expect(words(first.out)).toEqual(words(recorded));
    const texts = second.out.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as { type: string }]));
    expect(texts.at(-1)).toMatchObject({ type: 'end', outcome: 'complete' });
    await waitUntil(() => refs(url, 'live') === '' && refs(url, 'follow') === '', { what: 'both refs to be gone' });
    const sent = pushed(/ refs\/mailboxd\/live\//).filter(isLive).length;
    expect(sent).toBeGreaterThan(1);
    expect(sent).toBeLessThanOrEqual(Math.ceil(seconds / 2) + 1);
  }, 40_000);

  it('sends none of its output while nobody follows', async () => {
    await using two = await twoHosts(true);
    drop(two.laptop, 'server', 'x.md', task('2s'));
    await arrived(two.laptop, 'server', 'complete', 'x.md', 20_000);
    expect(two.pushed(/ refs\/mailboxd\/(live|follow)\//)).toEqual([]);
  }, 30_000);

  it('hears what is said to it, and a cancel, which says where it ran', async () => {
    await using two = await twoHosts(true);
    const { laptop, server, b } = two;
    const mb = callsIn(laptop);
    drop(laptop, 'server', 'x.md', task('60s'));
    await b.event('claimed', 'x.md');
    await waitUntil(async () => (await mb('list', '--json')).json().messages[0].worker === 'server@server-1', {
      what: 'the laptop to see the claim',
    });
    const said = await mb('say', ID, 'Only to ten', '--from', 'laptop');
    expect(said).toMatchObject({ code: 0, out: `said to ${ID}, which is running\n` });
    expect(said.err).toContain('it runs on server-1, which hears it within seconds');
    const inServer = pathOf(server, 'server', 'in_progress', 'x.md');
    await waitUntil(() => readFileSync(inServer, 'utf8').includes('Only to ten'), { what: 'the chat in the run' });
    const cancelled = await mb('cancel', ID);
    expect(cancelled.code).toBe(0);
    expect(cancelled.err).toContain('it runs on server-1, which stops it within seconds');
    await b.event('finished');
    await waitUntil(() => arrivedText(laptop).includes('**Cancelled**'), { what: 'the end on the laptop' });
    expect(arrivedText(laptop)).toContain('Only to ten');
    expect(arrivedText(laptop)).toContain('it was cancelled on laptop-1');
    await waitUntil(() => refs(two.url, 'claims') === '', { what: 'the claim to be let go' });
    expect(existsSync(inServer)).toBe(false);
  }, 40_000);

  it('is followed to its end, shown and said to by a laptop without a daemon', async () => {
    await using two = await twoHosts(false);
    const { laptop, b, url } = two;
    const mb = callsIn(laptop);
    drop(laptop, 'server', 'x.md', task('5s'));
    expect(await mb('sync')).toMatchObject({ code: 0 });
    const tail = start({ cwd: laptop }, 'tail', ID);
    await b.event('claimed', 'x.md');
    await waitUntil(() => tail.out.includes('This is a simulated run'), { timeout: 8_000, what: 'the output' });
    const shown = await mb('show', ID);
    expect(shown.out).toMatch(/^running +server@server-1 on server-1/m);
    expect(shown.out).toContain('This is a simulated run');
    expect((await mb('say', ID, 'Hello', '--from', 'laptop')).err).toContain('hears it after `mailboxd sync`');
    const ended = await tail.result;
    expect(ended.code).toBe(0);
    expect(ended.err).toContain('complete, mailboxes/server/complete/x.md on main; `mailboxd sync` brings it here');
    expect(existsSync(pathOf(laptop, 'server', 'complete', 'x.md'))).toBe(false);
    expect(refs(url, 'follow')).toBe('');
  }, 40_000);

  it('is asked for no more after Ctrl-C, and by those who are left where another ended', async () => {
    await using two = await twoHosts(true);
    const { laptop, url, pushed, b } = two;
    drop(laptop, 'server', 'x.md', task('60s'));
    await b.event('claimed', 'x.md');
    const one = start({ cwd: laptop }, 'tail', ID);
    await waitUntil(() => refs(url, 'follow') !== '', { what: 'the first to ask' });
    const other = start({ cwd: laptop }, 'tail', ID, '--give-up', '30s');
    await waitUntil(() => one.out.includes('simulated') && other.out.includes('simulated'), {
      timeout: 10_000,
      what: 'the output for both',
    });
    one.signal();
    expect((await one.result).code).toBe(2);
    await waitUntil(() => pushed(/ refs\/mailboxd\/follow\//).filter(isLive).length === 2, {
      what: 'the other to ask',
    });
    other.signal();
    await other.result;
    await waitUntil(() => refs(url, 'follow') === '' && refs(url, 'live') === '', {
      timeout: 10_000,
      what: 'both refs to be gone',
    });
  }, 40_000);
});
