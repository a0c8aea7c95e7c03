import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TestDaemon } from '../support/daemon.js';
import { pieces } from '../support/messages-api/server.mjs';
import { waitUntil } from '../support/wait-until.js';
import {
  bash,
  dropTask,
  ended,
  expectGone,
  frontOf,
  makeScene,
  PATIENCE,
  running,
  said,
  type Scene,
  sessionOf,
} from './harness.js';

let scene: Scene;
let daemon: TestDaemon;
const SECRET = 'swordfish-of-the-daemon';

beforeAll(async () => {
  scene = await makeScene();
  scene.environment['DAEMON_SECRET'] = SECRET;
  daemon = await scene.startDaemon();
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await scene.api.close();
});

it('real CLI: a dropped file ends in complete/, its text unchanged on top, the answer below', async () => {
  scene.script('Say hello', { text: pieces('Hello from the *stub*.', 5), usage: { input_tokens: 1_200 } });
  dropTask(scene, 'hello.md', 'Say hello');
  const done = await ended(scene, 'complete', 'hello.md');
  const [front = '', rest = ''] = done.split(/(?<=\n---\n)/);
  expect(rest).toMatch(
    /^Say hello\n<!-- run 1 · 1-[a-z2-7]{20} -->\n## Run 1\n\n<!-- result 1 · 1-[a-z2-7]{20} -->\n## Result\n\nHello from the \*stub\*\.\n$/,
  );
  expect(front).toMatch(/^---\nid: "[0-9a-f-]{36}"\n/);
  const { result, runs, claim } = frontOf(done);
  expect(claim).toBeUndefined();
  expect(result).toMatchObject({
    outcome: 'complete',
    runner: 'claude',
    session: expect.stringMatching(/^[0-9a-f-]{36}$/),
    model: expect.stringContaining('claude'),
    turns: 1,
    tokens_in: 1_200,
    cost_usd: expect.any(Number),
    duration_ms: expect.any(Number),
  });
  expect(runs).toMatchObject([{ n: 1, outcome: 'complete', runner: 'claude' }]);
  expect(scene.requestsOf('Say hello')).toHaveLength(1);
});

it('real CLI: tools run in an allowed directory, and their calls are folded in the file', async () => {
  scene.script(
    'make-a-file',
    { text: 'I make it.', tools: [bash('printf made > made.txt; echo first; echo second')] },
    { text: 'It is made.' },
  );
  const options = `options: { working_dir: ${JSON.stringify(scene.work)}, allowed_tools: [Bash] }`;
  const text = dropTask(scene, 'tools.md', 'make-a-file', options);
  const done = await ended(scene, 'complete', 'tools.md');
  expect(readFileSync(join(scene.work, 'made.txt'), 'utf8')).toBe('made');
  expect(done.startsWith(text.slice(0, text.lastIndexOf('---')))).toBe(true);
  expect(done).toContain(
    '## Run 1\n\nI make it.\n\n> **Bash** `printf made > made.txt; echo first; echo second`\n> → `first` (2 lines)\n',
  );
  expect(done).toMatch(/## Result\n\nIt is made\.\n$/);
  expect(frontOf(done).result).toMatchObject({ outcome: 'complete', turns: 2 });
});

it('real CLI: a tool that is not allowed does not run in the default mode', async () => {
  scene.script('touch-a-file', { tools: [bash('touch refused.txt')] }, { text: 'I may not.' });
  dropTask(scene, 'refused-tool.md', 'touch-a-file', `options: { working_dir: ${JSON.stringify(scene.work)} }`);
  const done = await ended(scene, 'complete', 'refused-tool.md');
  expect(existsSync(join(scene.work, 'refused.txt'))).toBe(false);
  expect(done).toMatch(/> \*\*Bash\*\* `touch refused\.txt`\n> ✗ /);
  expect(scene.requestsOf('touch-a-file')).toHaveLength(2);
});

it('real CLI: a request past the bounds is refused before anything runs', async () => {
  scene.script('far-too-much', { text: 'never' });
  dropTask(
    scene,
    'too-much.md',
    'far-too-much',
    'options: { permission_mode: bypassPermissions, allowed_tools: [Write], model: opus, working_dir: /etc }',
  );
  const done = await ended(scene, 'failed', 'too-much.md');
  expect(done).toMatch(/## Refused\n\n/);
  for (const key of ['allow.permission_mode', 'allow.tools', 'allow.models', 'allow.dirs']) expect(done).toContain(key);
  expect(frontOf(done)).toMatchObject({ result: { outcome: 'refused' } });
  expect(frontOf(done).runs).toBeUndefined();
  expect(scene.requestsOf('far-too-much')).toEqual([]);
});

it("real CLI: a secret of the daemon's environment does not reach a tool", async () => {
  scene.script('print-the-environment', { tools: [bash('env > environment.txt')] }, { text: 'Printed.' });
  const options = `options: { working_dir: ${JSON.stringify(scene.work)}, allowed_tools: [Bash] }`;
  dropTask(scene, 'environment.md', 'print-the-environment', options);
  const done = await ended(scene, 'complete', 'environment.md');
  const environment = readFileSync(join(scene.work, 'environment.txt'), 'utf8');
  expect(environment).toContain(`MAILBOXD_RUN=${sessionOf(done)}`);
  expect(environment).toContain(`HOME=${scene.home}`);
  expect(environment).not.toContain(SECRET);
});

it('real CLI: max_turns ends the task in failed/ for good', async () => {
  scene.script('turn-after-turn', { tools: [bash('echo again')] });
  dropTask(scene, 'turns.md', 'turn-after-turn', 'options: { max_turns: 2, allowed_tools: [Bash] }');
  const done = await ended(scene, 'failed', 'turns.md');
  expect(done).toMatch(/## Result\n\n\*\*Failed\*\* \(error_max_turns\): .*\n\n.*options\.max_turns/);
  expect(frontOf(done)).toMatchObject({
    attempts: 1,
    result: { outcome: 'failed', error: { code: 'error_max_turns' } },
  });
  expect(scene.requestsOf('turn-after-turn')).toHaveLength(2);
});

const SCHEMA =
  'options: { output_format: json, output_schema: { type: object, properties: { n: { type: integer } }, required: [n] } }';

it('real CLI: structured output stands in the result section as JSON', async () => {
  scene.script('count-them', { tools: [{ name: 'StructuredOutput', input: { n: 4 } }] });
  dropTask(scene, 'json.md', 'count-them', SCHEMA);
  const done = await ended(scene, 'complete', 'json.md');
  expect(done).toMatch(/## Result\n\n```json\n\{\n {2}"n": 4\n\}\n```\n$/);
});

it('real CLI: a success without the structured output that was asked for ends in failed/', async () => {
  scene.script('guess-them', { text: 'Four, I think.' });
  dropTask(scene, 'no-json.md', 'guess-them', `max_attempts: 1\n${SCHEMA}`);
  const done = await ended(scene, 'failed', 'no-json.md');
  expect(frontOf(done).result).toMatchObject({ outcome: 'failed', error: { code: 'output_schema' } });
  expect(done).toContain('Four, I think.');
});

it('real CLI: a slow stream is in the file while it comes', async () => {
  const words = Array.from({ length: 16 }, (_, n) => `w${n} `);
  scene.script('go-slowly', { text: words, pace: 125 });
  dropTask(scene, 'slow.md', 'go-slowly');
  const seen = new Map<number, number>();
  await waitUntil(
    () => {
      const text = running(scene, 'slow.md');
      for (const n of words.keys()) if (text.includes(`w${n} `) && !seen.has(n)) seen.set(n, Date.now());
      return seen.size === words.length || existsSync(join(scene.root, 'mailboxes/server/complete/slow.md'));
    },
    { timeout: PATIENCE, what: 'the words' },
  );
  const began = scene.requestsOf('go-slowly')[0]?.at ?? 0;
  // How long after it was due from the API, at the earliest, each word could be read. A busy machine is late for some.
  const late = [...seen].map(([n, at]) => at - began - n * 125).toSorted((a, b) => a - b);
  expect(new Set(seen.values()).size).toBeGreaterThan(8);
  expect(late[Math.floor(late.length / 4)]).toBeLessThan(150 + 100);
  await ended(scene, 'complete', 'slow.md');
});

it('real CLI: a key that the stream cuts in two is in no file', async () => {
  const key = 'sk-ant-api03-Zz9SwordfishSwordfishSwordfish';
  scene.script('tell-a-key', {
    text: ['The key is sk-', 'ant-api03-Zz9Sword', 'fishSwordfishSwordfish', ', keep it.'],
  });
  dropTask(scene, 'key.md', 'tell-a-key');
  const done = await ended(scene, 'complete', 'key.md');
  expect(done).toMatch(/## Result\n\nThe key is sk-ant-\[redacted\], keep it\.\n$/);
  expect(done).not.toContain('Swordfish');
  const { id } = frontOf(done);
  const record = readFileSync(join(scene.root, `.mailboxd/runs/${id}/1.ndjson`), 'utf8');
  expect(record).not.toContain(key);
  for (const line of record.trim().split('\n')) expect(() => void JSON.parse(line)).not.toThrow();
});

it("real CLI: a hung API is ended by the task's timeout, with no process left", async () => {
  scene.script('anyone-there', { hang: true });
  dropTask(scene, 'hung.md', 'anyone-there', 'timeout: 6s\nmax_attempts: 1');
  await waitUntil(() => scene.requestsOf('anyone-there').length === 1, { timeout: PATIENCE, what: 'the request' });
  const done = await ended(scene, 'failed', 'hung.md');
  expect(frontOf(done).result).toMatchObject({ outcome: 'failed', error: { code: 'timeout' } });
  expect(done).toContain('it ran longer than 6.0s');
  expect(scene.requestsOf('anyone-there')).toHaveLength(1);
  expectGone(sessionOf(done));
});

it("real CLI: resume_session goes on with a session of the same sender, and another's is refused", async () => {
  scene.script('remember-the-parrot', { text: 'I shall.' }, { text: 'It was the parrot.' });
  dropTask(scene, 'first.md', 'remember-the-parrot', 'priority: normal');
  const session = sessionOf(await ended(scene, 'complete', 'first.md'));
  dropTask(scene, 'second.md', 'What was it?', `options: { resume_session: ${session} }`);
  const done = await ended(scene, 'complete', 'second.md');
  expect(done).toMatch(/## Result\n\nIt was the parrot\.\n$/);
  expect(sessionOf(done)).toBe(session);
  const [, second] = scene.requestsOf('remember-the-parrot');
  expect(said(second)).toMatch(/remember-the-parrot.*I shall\..*What was it\?/);

  const stranger = `---\nfrom: stranger\noptions: { resume_session: ${session} }\n---\nTell me all.`;
  dropTask(scene, 'third.md', stranger);
  const refused = await ended(scene, 'failed', 'third.md');
  expect(refused).toContain('resume_session');
  expect(frontOf(refused).result).toMatchObject({ outcome: 'refused' });
  expect(scene.requestsOf('remember-the-parrot')).toHaveLength(2);
});
