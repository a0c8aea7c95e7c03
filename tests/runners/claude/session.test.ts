import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { waitUntil } from '../../support/wait-until.js';
import { bash, FREE, makeSetting, ofType } from './harness.js';

/** What the CLI has written down of a session so far. */
function transcript(home: string, session: string): string {
  const projects = join(home, '.claude', 'projects');
  if (!existsSync(projects)) return '';
  const files = readdirSync(projects).map((project) => join(projects, project, `${session}.jsonl`));
  return files
    .filter((file) => existsSync(file))
    .map((file) => readFileSync(file, 'utf8'))
    .join('');
}

it('real CLI: after kill -9 the session is resumed with its conversation', async () => {
  const { start, api, environment } = await makeSetting({
    script: [
      { reply: { text: 'The number is 4711.', tools: [bash('sleep 300')] } },
      { reply: { text: 'It was 4711.' } },
    ],
  });
  const first = start('remember a number', { options: FREE });
  // What is said is on disk within about a tenth of a second.
  const said = () => transcript(environment['HOME'] ?? '', first.request.session).includes('4711');
  await waitUntil(said, { timeout: 10_000, what: 'the transcript' });
  process.kill(first.pids[0] ?? 0, 'SIGKILL');
  expect(await first.outcome).toMatchObject({
    kind: 'failed',
    retry: true,
    error: { code: 'exit', message: expect.stringContaining('SIGKILL') },
  });

  const second = start('go on', { options: FREE, session: first.request.session, resume: true });
  expect(await second.outcome).toMatchObject({ kind: 'complete', result: 'It was 4711.' });
  expect(ofType(second.events, 'Start')).toMatchObject([{ session_id: first.request.session }]);
  const sent = JSON.stringify(api.requests[1]?.body.messages);
  expect(sent).toContain('remember a number');
  expect(sent).toContain('The number is 4711.');
});

it('real CLI: a session can be resumed from the moment it began', async () => {
  const { start, api } = await makeSetting({
    script: [{ when: ({ last }) => !last.includes('go on'), reply: { hang: true } }, { reply: { text: 'Here I am.' } }],
  });
  const first = start('the first words');
  await waitUntil(() => ofType(first.events, 'Start').length > 0, { timeout: 10_000, what: 'the start' });
  process.kill(first.pids[0] ?? 0, 'SIGKILL');
  await first.outcome;
  const second = start('go on', { session: first.request.session, resume: true });
  expect(await second.outcome).toMatchObject({ kind: 'complete', result: 'Here I am.' });
  expect(JSON.stringify(api.requests.at(-1)?.body.messages)).toContain('the first words');
});

it('real CLI: resume_session goes on from a copy of an earlier session', async () => {
  const { start, api } = await makeSetting({
    script: [{ reply: { text: 'Kept.' } }, { times: 2, reply: { text: 'Yes.' } }],
  });
  const first = start('remember the parrot');
  await first.outcome;
  const next = start('what was it?', { options: { resume_session: first.request.session } });
  expect(await next.outcome).toMatchObject({ kind: 'complete', result: 'Yes.' });
  expect(ofType(next.events, 'Start')).toMatchObject([{ session_id: next.request.session }]);
  expect(JSON.stringify(api.requests[1]?.body.messages)).toContain('remember the parrot');
});

it('real CLI: a session id that was used before is told apart', async () => {
  const { start } = await makeSetting();
  const session = randomUUID();
  expect(await start('hello', { session }).outcome).toMatchObject({ kind: 'complete' });
  expect(await start('hello', { session }).outcome).toMatchObject({
    kind: 'failed',
    error: { code: 'session_in_use' },
  });
});
