import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneFor, runGit } from '../support/remotes/git.js';
import { findDescendants } from '../support/remotes/guard.js';
import { sshRemote, type SshRemote } from '../support/remotes/ssh.js';
import { describeRemote } from './contract.js';

const opened: SshRemote[] = [];
const open = async (): Promise<SshRemote> => {
  const remote = await sshRemote();
  opened.push(remote);
  return remote;
};
afterAll(async () => {
  await Promise.all(opened.map((remote) => remote.close()));
  expect(findDescendants(process.pid)).toEqual([]);
});

describeRemote('ssh', open);

describe('a remote over ssh', () => {
  let remote: SshRemote;
  let other: SshRemote;
  beforeAll(async () => {
    [remote, other] = await Promise.all([open(), open()]);
  });

  it('knows its own key alone, and its own server alone', async () => {
    const { dir: cwd, env } = await cloneFor(remote.url);
    const ask = async (command: string | undefined): Promise<string> => {
      const { status, stderr } = await runGit(['ls-remote', remote.url], {
        cwd,
        env: { ...env, GIT_SSH_COMMAND: command },
      });
      return status === 0 ? 'comes in' : stderr;
    };
    const [own = '', foreign = ''] = [remote.env['GIT_SSH_COMMAND'], other.env['GIT_SSH_COMMAND']];
    expect(await ask(own)).toBe('comes in');
    // The other's key with this server's known hosts, and the other way round.
    const key = / -i \S+/;
    expect(await ask(own.replace(key, key.exec(foreign)?.[0] ?? ''))).toContain('Permission denied (publickey)');
    expect(await ask(foreign.replace(key, key.exec(own)?.[0] ?? ''))).toContain('Host key verification failed');
  });
});
