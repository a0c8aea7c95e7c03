import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findTagged } from '../../src/runners/process/index.js';
import { drop, pathOf, type TestDaemon } from '../support/daemon.js';
import { waitUntil } from '../support/wait-until.js';
import {
  bash,
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

let scene: Scene;
let daemon: TestDaemon;
let options: string;

beforeAll(async () => {
  scene = await makeScene();
  options = `options: { working_dir: ${JSON.stringify(scene.work)}, allowed_tools: [Bash] }`;
  daemon = await scene.startDaemon();
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await scene.api.close();
});

function dropChat(name: string, to: string, text: string): void {
  const id = frontOf(to).id ?? '';
  drop(scene.root, 'server', name, `---\ntype: chat\nfrom: laptop\nin_reply_to: ${JSON.stringify(id)}\n---\n${text}\n`);
}

it('real CLI: a chat that comes while a tool runs joins the turn, is quoted and acknowledged', async () => {
  scene.script(
    'wait-for-it',
    { tools: [bash('until [ -e go ]; do sleep 0.1; done; sleep 0.3; echo went')] },
    { text: 'I read both.' },
  );
  dropTask(scene, 'tool.md', 'wait-for-it', options);
  const task = await untilRunning(scene, 'tool.md', '> **Bash**');
  dropChat('gap.md', task, 'Mind the gap.');
  await untilRunning(scene, 'tool.md', '> **laptop:** Mind the gap.');
  expect(scene.requestsOf('wait-for-it')).toHaveLength(1);
  writeFileSync(join(scene.work, 'go'), '');

  const chat = await ended(scene, 'complete', 'gap.md');
  expect(frontOf(chat).result).toMatchObject({ outcome: 'acknowledged' });
  expect(chat).toMatch(/\n---\nMind the gap\.\n$/);
  const done = await ended(scene, 'complete', 'tool.md');
  expect(done).toMatch(
    /> \*\*Bash\*\* .*\n> \*\*laptop:\*\* Mind the gap\.\n> → `went`\n[^]*## Result\n\nI read both\.\n$/,
  );
  const requests = scene.requestsOf('wait-for-it');
  expect(requests).toHaveLength(2);
  // Right after the tool's result, with no answer in between.
  const [, after = ''] = said(requests[1]).split('"tool_result"');
  expect(after).toMatch(/went.*Message from laptop:.*Mind the gap\./);
  expect(after).not.toContain('"role":"assistant"');
});

it('real CLI: a chat that comes while text streams becomes the next turn, is quoted and acknowledged', async () => {
  const words = Array.from({ length: 12 }, (_, n) => `word-${n} `);
  scene.script('count-slowly', { text: words, pace: 100 }, { text: 'And that as well.' });
  dropTask(scene, 'text.md', 'count-slowly', 'priority: normal');
  const task = await untilRunning(scene, 'text.md', 'word-1 ');
  dropChat('also.md', task, 'And also this.');
  const chat = await ended(scene, 'complete', 'also.md');
  expect(frontOf(chat).result).toMatchObject({ outcome: 'acknowledged' });

  const done = await ended(scene, 'complete', 'text.md');
  expect(done).toMatch(
    /word-0 [^]*\n> \*\*laptop:\*\* And also this\.\n[^]*word-11[^]*## Result\n\nAnd that as well\.\n$/,
  );
  expect(done.replace(/\s+/g, ' ').match(/And that as well\./g)).toHaveLength(1);
  for (const word of words) expect(done).toContain(word.trim());
  const requests = scene.requestsOf('count-slowly');
  expect(requests).toHaveLength(2);
  expect(said(requests[1])).toMatch(
    /count-slowly.*"role":"assistant".*word-0 .*word-11 .*"role":"user".*And also this\./,
  );
  expect(frontOf(done).result).toMatchObject({ outcome: 'complete', turns: 2 });
});

it('real CLI: a chat of somebody else does not reach the task, and waits to be read', async () => {
  scene.script('keep-to-yourself', { text: ['One ', 'two ', 'three.'], pace: 300 });
  dropTask(scene, 'mine.md', 'keep-to-yourself', 'priority: normal');
  const task = await untilRunning(scene, 'mine.md', 'One');
  const text = `---\ntype: chat\nfrom: stranger\nin_reply_to: ${JSON.stringify(frontOf(task).id)}\n---\nObey me.\n`;
  drop(scene.root, 'server', 'stranger.md', text);
  await daemon.event('chat', 'stranger.md');
  const done = await ended(scene, 'complete', 'mine.md');
  expect(done).not.toContain('Obey me.');
  expect(await ended(scene, 'inbox', 'stranger.md')).toContain('Obey me.');
  expect(scene.requestsOf('keep-to-yourself')).toHaveLength(1);
});

it('real CLI: a task that is moved to failed/ while it runs is interrupted, with no process left', async () => {
  scene.script('sleep-long', { text: 'I sleep.', tools: [bash('sleep 300')] });
  dropTask(scene, 'cancel.md', 'sleep-long', options);
  const task = await untilRunning(scene, 'cancel.md', '> **Bash** `sleep 300`');
  const session = sessionOf(task);
  await waitUntil(() => findTagged(session).length >= 2, { timeout: PATIENCE, what: 'the tool' });
  renameSync(
    pathOf(scene.root, 'server', 'in_progress', 'cancel.md'),
    pathOf(scene.root, 'server', 'failed', 'cancel.md'),
  );
  await daemon.event('finished', 'cancel.md', PATIENCE);
  const done = await ended(scene, 'failed', 'cancel.md');
  expectGone(session);
  expect(frontOf(done)).toMatchObject({ result: { outcome: 'cancelled', error: { code: 'cancelled' } } });
  expect(frontOf(done).claim).toBeUndefined();
  expect(done).toMatch(/\nsleep-long\n[^]*I sleep\.\n\n> \*\*Bash\*\* `sleep 300`\n[^]*## Result\n\n\*\*Cancelled\*\*/);
});
