/** A message that main shows in progress and nobody holds, beside another of the same name that waits. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { runDaemon } from '../support/daemon.js';
import { bareRepository, git, remoteRoot } from '../support/git-host.js';
import { testdir } from '../support/testdir.js';
import { waitUntil } from '../support/wait-until.js';

it('is run, and the other waits on', async () => {
  const url = bareRepository();
  const person = testdir({});
  git(person, 'clone', '-q', url, '.');
  for (const [folder, id, more] of [
    ['in_progress', 'abandoned-1', ''],
    ['inbox', 'waiting-1', 'not_before: "2099-01-01T00:00:00Z"\n'],
  ]) {
    const path = join(person, `mailboxes/server/${folder}/task.md`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `---\nid: "${id}"\n${more}---\nsimulate: answer I am ${id}.\n`);
  }
  git(person, 'add', '-f', 'mailboxes');
  git(person, 'commit', '-q', '-m', 'What was there');
  git(person, 'push', '-q', 'origin', 'HEAD:main');

  const root = remoteRoot(url, 'only-1', ['server']);
  await using daemon = await runDaemon(root);
  const onMain = (): string[] => git(url, 'ls-tree', '-r', '--name-only', 'main').split('\n');
  await waitUntil(() => onMain().some((path) => path.includes('/complete/')), {
    timeout: 20_000,
    what: `a result; ${onMain().join()}`,
  });
  const claimed = daemon.events.filter((event) => event.type === 'claimed');
  expect(claimed.map(({ id }) => id)).toEqual(['abandoned-1']);
  const texts = onMain().map((path) => git(url, 'show', `main:${path}`));
  expect(texts).toHaveLength(2);
  for (const id of ['abandoned-1', 'waiting-1'])
    expect(texts.filter((text) => text.includes(`id: "${id}"`))).toHaveLength(1);
});
