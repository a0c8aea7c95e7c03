import { lstatSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeRoot, startDaemonProcess, told } from '../faults/daemon-process.js';
import { print } from '../support/print.js';
import { testdir } from '../support/testdir.js';
import { waitUntil } from '../support/wait-until.js';
import { CASES, type Case, type Context } from './cases.js';

const BATCH = 25;

/** Everything below a folder, with size, content and times. */
function snapshot(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .toSorted()
    .map((name) => {
      const stat = lstatSync(join(dir, name));
      return `${name} ${stat.mode} ${stat.size} ${stat.mtimeMs} ${stat.isFile() ? readFileSync(join(dir, name)).toString('base64').slice(0, 200) : ''}`;
    });
}

test(`hostile corpus: ${CASES.length} files, each comes to its end, and the daemon goes on`, { timeout: 150_000 }, async () => {
  const dir = testdir({ 'outside/secret.txt': 'secret\n', 'outside/linked.txt': 'linked from outside\n', 'outside/linked.bin': Buffer.from([0xff, 0x0a]), 'drop/': '', 'home/': '' });
  const context: Context = { outside: join(dir, 'outside'), servers: [] };
  const root = makeRoot(join(dir, 'root'), 'runner: simulator\nrunners: { simulator: { duration: 5ms } }\nlimits: { concurrency: 4 }\n');
  const box = (state: string): string => join(root, 'mailboxes', 'server', state);
  const before = snapshot(context.outside);
  const daemon = startDaemonProcess(root, { env: { HOME: join(dir, 'home') } });
  const counts = { failed: 0, complete: 0, left: 0 };
  const wrong: string[] = [];

  const place = (item: Case): Buffer => Buffer.concat([Buffer.from(`${box('inbox')}/`), Buffer.from(item.name)]);
  const find = (item: Case): string | undefined =>
    ['failed', 'complete'].find((state) => lstatSync(Buffer.concat([Buffer.from(`${box(state)}/`), Buffer.from(item.name)]), { throwIfNoEntry: false }));
  const report = (item: Case): string | undefined => {
    const shown = Buffer.from(item.name).toString();
    return told(root).find((event) => event.type === 'trouble' && event.message?.includes(shown))?.message;
  };
  const isSettled = (item: Case): boolean => (item.end === 'left' ? report(item) !== undefined : find(item) !== undefined);

  for (let start = 0; start < CASES.length; start += BATCH) {
    const batch = CASES.slice(start, start + BATCH);
    for (const item of batch) {
      if (item.make) await item.make(place(item).toString(), context);
      else {
        writeFileSync(join(dir, 'drop', 'temp'), item.content ?? '');
        renameSync(join(dir, 'drop', 'temp'), place(item));
      }
    }
    writeFileSync(join(box('inbox'), `good-${start}.md`), 'a good message\n');
    const deadline = performance.now() + 12_000;
    await waitUntil(() => batch.every(isSettled) || performance.now() > deadline, { timeout: 15_000, what: 'the batch' });
    await waitUntil(() => readdirSync(box('complete')).includes(`good-${start}.md`), { timeout: 10_000, what: `the good message after ${start}; ${daemon.stderr()}` });
    for (const item of batch) judge(item);
  }

  function judge(item: Case): void {
    const shown = Buffer.from(item.name).toString().slice(0, 60);
    const say = (text: string): void => void wrong.push(`${JSON.stringify(shown)}: ${text}`);
    if (item.end === 'left') {
      const stands = lstatSync(place(item), { throwIfNoEntry: false });
      if (!stands) return say(`is gone; found in ${find(item)}`);
      const said = report(item);
      if (said === undefined) return say('was not reported');
      if (item.says && !item.says.test(said)) return say(`was reported as: ${said}`);
      counts.left += 1;
      return;
    }
    const state = find(item);
    if (state !== item.end) return say(`is in ${state ?? (lstatSync(place(item), { throwIfNoEntry: false }) ? 'inbox' : 'no place')}, expected ${item.end}; reported: ${report(item)}`);
    const bytes = readFileSync(Buffer.concat([Buffer.from(`${box(state)}/`), Buffer.from(item.name)]));
    const own = item.content === undefined ? undefined : Buffer.from(item.content);
    if (state === 'complete') {
      counts.complete += 1;
      const body = own?.toString().replace(/^\ufeff?---\r?\n[\s\S]*?\r?\n---\r?\n/, '').replace(/^\ufeff/, '');
      if (body !== undefined && !bytes.includes(body)) say('has not kept its text');
      if (!bytes.includes('## Result')) say('has no result');
      return;
    }
    counts.failed += 1;
    const text = bytes.toString();
    const refused = text.indexOf('## Refused');
    if (refused === -1) return say(`has no reason: ${text.slice(-300)}`);
    const reason = text.slice(refused);
    if (item.says && !item.says.test(reason)) say(`says: ${reason.slice(0, 300)}`);
    if (!/move the file back to `inbox\/`/.test(reason)) say('does not say what to do next');
    const isKept = own === undefined || bytes.subarray(0, own.length).equals(own) || keepsParts(text, own.toString());
    if (!isKept) say('has not kept its content');
  }

  expect(snapshot(context.outside)).toEqual(before);
  expect(readdirSync(dir).toSorted()).toEqual(['drop', 'home', 'outside', 'root']);
  expect(readdirSync(root).filter((name) => !['.mailboxd', 'events.ndjson', 'mailboxes'].includes(name))).toEqual([]);
  expect(readdirSync(join(dir, 'home'))).toEqual([]);
  expect(readdirSync(join(root, 'mailboxes'))).toEqual(['server']);
  expect(await daemon.kill('SIGTERM')).toBe(0);
  for (const server of context.servers) server.close();
  print(`hostile corpus: ${CASES.length} files: ${counts.failed} refused with their reason, ${counts.complete} valid and answered, ${counts.left} left alone and reported`);
  expect(wrong).toEqual([]);
  expect(CASES.length).toBeGreaterThanOrEqual(80);
});

/** A message that was refused by policy got an id and a result: every line of its own still stands. */
function keepsParts(text: string, own: string): boolean {
  return own.split('\n').every((line) => text.includes(line));
}
