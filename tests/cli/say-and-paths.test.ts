/** Who may say something to a running task, what a path may name, and what a program gets of an answer. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { waitUntil } from '../support/wait-until.js';
import { makeRoot, start } from './harness.js';

test('say is refused where a running task would not take it; a task without a sender takes what has none', async () => {
  const { dir, mb } = await makeRoot();
  const inbox = join(dir, 'mailboxes', 'server', 'inbox');
  writeFileSync(join(inbox, 'mine.md'), 'Hello\nsimulate: duration 5s');
  const id = (await mb('send', 'server', 'Hello\nsimulate: duration 5s')).out.trim();
  const daemon = start({ cwd: dir }, 'start');
  const claimed = (): string[] => readdirSync(join(dir, 'mailboxes', 'server', 'in_progress'));
  await waitUntil(() => claimed().filter((name) => /^[^.].*\.md$/.test(name)).length === 2, { what: 'both claimed' });
  const refused = await mb('say', id, 'from a stranger', '--from', 'stranger');
  expect(refused).toMatchObject({ code: 77, out: '' });
  expect(refused.err).toContain('"stranger" may not put messages into a task of "laptop"');
  expect(refused.err).toContain('allow.senders');
  expect(readdirSync(inbox)).toEqual([]);
  const mine = 'mailboxes/server/in_progress/mine.md';
  expect(await mb('say', mine, 'in another name', '--from', 'laptop')).toMatchObject({ code: 77 });
  expect(await mb('say', mine, 'only the German feeds')).toMatchObject({ code: 0 });
  await waitUntil(() => readFileSync(join(dir, mine), 'utf8').includes('German'), { what: 'the words taken in' });
  daemon.signal();
  daemon.signal();
  expect((await daemon.result).code).toBe(0);
});

test('an answer with an output schema is a value for programs, without a fence', async () => {
  const { dir, mb } = await makeRoot();
  const schema = '{"type":"object","required":["n"],"properties":{"n":{"type":"integer"}}}';
  const task = ['send', 'server', 'simulate: answer {"n": 42}', '--output-schema', schema, '--wait'];
  const [sent, shown] = [start({ cwd: dir }, ...task, '--json'), start({ cwd: dir }, ...task)];
  await waitUntil(() => [sent, shown].every((call) => call.err.includes('no daemon')), { what: 'both' });
  expect(await mb('start', '--once')).toMatchObject({ code: 0 });
  const { id, result, structured_output: value } = (await sent.result).json();
  expect([value, JSON.parse(result)]).toEqual([{ n: 42 }, { n: 42 }]);
  expect((await shown.result).out.match(/```json\n\{\n {2}"n": 42\n\}\n```\n/g)).toHaveLength(1);
  expect((await mb('show', id, '--json')).json()).toMatchObject({ result, structured_output: { n: 42 } });
  expect((await mb('show', id, '--result')).out).toBe(`${result}\n`);
  expect((await mb('tail', id, '--json')).out).toContain('"structured_output":{"n":42}');
});

test('a path names messages only; move makes no mailbox, send says that it made one', async () => {
  const { dir, mb } = await makeRoot();
  const inbox = join(dir, 'mailboxes', 'server', 'inbox');
  mkdirSync(join(inbox, 'folder.md'));
  for (const name of ['note.txt', '.held~x.md', 'x.md']) writeFileSync(join(inbox, name), 'x');
  for (const name of ['note.txt', '.held~x.md', 'folder.md']) {
    expect(await mb('delete', `mailboxes/server/inbox/${name}`)).toMatchObject({ code: 3 });
    expect(existsSync(join(inbox, name))).toBe(true);
  }
  expect(await mb('move', 'server/inbox/x.md', 'nobody')).toMatchObject({ code: 3 });
  expect(existsSync(join(dir, 'mailboxes', 'nobody'))).toBe(false);
  expect(await mb('send', 'nobody', 'x')).toMatchObject({
    code: 0,
    err: 'mailboxd: made the new mailbox nobody, which no daemon on this host serves (mailboxd start --mailbox nobody)\n',
  });
  expect(await mb('send', 'nobody', 'y')).toMatchObject({ code: 0, err: '' });
});
