import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { bareRepository, git, gitHost, sync } from '../support/git-host.js';
import { drop, pathOf, runDaemon } from '../support/daemon.js';
import { testdir } from '../support/testdir.js';
import { waitUntil } from '../support/wait-until.js';

const INBOX = 'mailboxes/server/inbox';

afterEach(() => void vi.unstubAllEnvs());

/** Notes each git that is started, by its command. */
function countGit(): { taken(): string[] } {
  const dir = testdir({ log: '' });
  const real = execFileSync('which', ['git'], { encoding: 'utf8' }).trim();
  const script = `#!/bin/sh
for word; do
  case $skip$word in
    -c) skip=x ;;
    x*) skip= ;;
    -*) ;;
    *) echo "$word" >>'${dir}/log'; break ;;
  esac
done
exec '${real}' "$@"
`;
  writeFileSync(join(dir, 'git'), script, { mode: 0o755 });
  vi.stubEnv('PATH', `${dir}:${process.env['PATH']}`);
  return {
    taken() {
      const lines = readFileSync(join(dir, 'log'), 'utf8').trim().split('\n').filter(Boolean);
      writeFileSync(join(dir, 'log'), '');
      return lines.toSorted();
    },
  };
}

describe('the git operations', () => {
  it('of a claim, a finish and a look at a quiet remote are few, and stay so', async () => {
    const counted = countGit();
    const url = bareRepository();
    const host = await gitHost(url, 'a-1');
    for (const name of ['one', 'two']) host.write(`${INBOX}/${name}.md`, `---\nid: "${name}"\n---\n${name}\n`);
    await sync(host, host);
    const claim = async (name: string): Promise<void> => {
      const answer = host.exchange.claim({ mailbox: 'server', state: 'inbox', name: `${name}.md` });
      await host.exchange.settled();
      expect((await answer).kind).toBe('granted');
    };
    const finish = async (name: string): Promise<void> => {
      host.write(`mailboxes/server/complete/${name}.md`, `---\nid: "${name}"\n---\n${name}\n\ndone\n`);
      rmSync(join(host.root, INBOX, `${name}.md`));
      host.exchange.ended(name);
      await host.exchange.settled();
    };
    // Once for the processes that stay.
    await claim('one');
    await finish('one');
    await sync(host, host);
    counted.taken();
    await sync(host);
    // Nothing is new: one question to the remote, where it rang as where it is looked at from time to time.
    expect(counted.taken()).toEqual(['fetch']);
    const { remote, view } = host.exchange.state;
    expect(await remote.fetch(['claims', 'follow'], view)).toBe(view);
    expect(counted.taken()).toEqual(['ls-remote']);
    await claim('two');
    // The push and the look again, which finds what the push made.
    expect(counted.taken()).toEqual(['ls-remote', 'push']);
    await finish('two');
    const used = counted.taken();
    expect(used.filter((name) => name === 'push' || name === 'fetch')).toEqual(['push']);
    // What the folders are in line with is noted; then the person's index and branch follow.
    expect(used.filter((name) => name !== 'push')).toEqual(['merge-base', 'read-tree', 'update-ref', 'update-ref']);
    expect(git(url, 'ls-tree', '-r', '--name-only', 'main')).toContain('complete/two.md');
    await host.exchange.close();
  });
});

/** Every file of git's with its bytes. */
function bytesOf(dir: string): Map<string, string> {
  const files = readdirSync(dir, { recursive: true }) as string[];
  return new Map(
    files
      .filter((path) => statSync(join(dir, path)).isFile())
      .toSorted()
      .map((path) => [path, readFileSync(join(dir, path), 'base64')]),
  );
}

describe('a clone of this project, with an origin and no remote in its configuration', () => {
  it('is left as it is by a daemon: no ref, commit, index or setting changes, here or at the origin', async () => {
    const top = testdir();
    const project = fileURLToPath(new URL('../..', import.meta.url));
    const origin = join(top, 'origin');
    if (existsSync(join(project, '.git')))
      git(top, 'clone', '-q', '--bare', '--depth', '1', `file://${project}`, origin);
    else {
      // Taken from an archive: another repository stands in for it.
      git(top, 'init', '-q', '--bare', '-b', 'main', origin);
      const commit = git(origin, 'commit-tree', git(origin, 'hash-object', '-wt', 'tree', '/dev/null'), '-m', 'One');
      git(origin, 'update-ref', 'refs/heads/main', commit);
    }
    const root = join(top, 'clone');
    git(top, 'clone', '-q', origin, root);
    const config =
      'host: test-host\nkey: a-key-of-the-tests-0123456789abcdef0123456789\nas: server\nserve: [server]\nrunner: simulator\n';
    execFileSync('mkdir', ['-p', join(root, '.mailboxd'), join(root, 'mailboxes/server/inbox')]);
    writeFileSync(join(root, '.mailboxd/config.yaml'), config, { mode: 0o600 });
    const before = [bytesOf(join(root, '.git')), bytesOf(origin)];
    {
      await using daemon = await runDaemon(root);
      drop(root, 'server', 'hello.md', 'hello\n');
      await waitUntil(() => existsSync(pathOf(root, 'server', 'complete', 'hello.md')), { timeout: 10_000 });
      expect(daemon.events.filter(({ type }) => type === 'published')).toEqual([]);
    }
    expect([bytesOf(join(root, '.git')), bytesOf(origin)]).toEqual(before);
  });
});
