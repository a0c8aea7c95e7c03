import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { bareRemote } from '../support/remotes/bare.js';
import { cloneFor, git, runGit } from '../support/remotes/git.js';
import { httpRemote, type HttpRemote } from '../support/remotes/http.js';
import { waitUntil } from '../support/wait-until.js';
import { describeRemote } from './contract.js';

const opened: HttpRemote[] = [];
const open = async (...args: Parameters<typeof httpRemote>): Promise<HttpRemote> => {
  const remote = await httpRemote(...args);
  opened.push(remote);
  return remote;
};
afterAll(() => Promise.all(opened.map((remote) => remote.close())));

describeRemote('a path', async () => bareRemote());
describeRemote('http with a password', async () => {
  const { urlWithPassword, dir } = await open({ user: 'worker', password: 's3cret/word' });
  return { url: urlWithPassword, dir };
});

describe('a remote over http', () => {
  let remote: HttpRemote;
  let at: { cwd: string; env: NodeJS.ProcessEnv };
  const push = (...args: string[]): ReturnType<typeof runGit> => runGit(['push', '-q', 'origin', ...args], at);

  beforeEach(async () => {
    remote = await open();
    const clone = await cloneFor(remote.url);
    at = { cwd: clone.dir, env: clone.env };
  });

  it('lets nobody in without the password', async () => {
    const closed = await open({ user: 'worker', password: 'right' });
    for (const url of [closed.url, closed.urlWithPassword.replace('right', 'wrong')]) {
      const { status, stderr } = await runGit(['ls-remote', url], at);
      expect(status).toBe(128);
      expect(stderr).toMatch(/could not read Username|Authentication failed/);
    }
    expect(new Set(closed.requests().map((request) => request.status))).toEqual(new Set([401]));
    expect((await runGit(['ls-remote', closed.urlWithPassword], at)).status).toBe(0);
  });

  it('says what it was asked', async () => {
    expect((await push('main')).status).toBe(0);
    await waitUntil(() => remote.requests().every(({ status }) => status !== 0), { what: 'the end of all requests' });
    expect(remote.requests()).toEqual([
      { method: 'GET', path: '/remote.git/info/refs?service=git-receive-pack', status: 200 },
      { method: 'POST', path: '/remote.git/git-receive-pack', status: 200 },
    ]);
  });

  it('answers with a status on demand, once', async () => {
    remote.fail({ status: 503, to: 'git-receive-pack' });
    const failed = await push('main');
    expect(failed.status).toBe(128);
    expect(failed.stderr).toContain('503');
    expect((await push('main')).status).toBe(0);
  });

  it('cut before git has it all, changes nothing', async () => {
    remote.fail({ cutRequestAfter: 40, to: '/git-receive-pack', times: 2 });
    expect((await push('main')).status).toBe(1);
    expect(await git(['ls-remote', remote.dir], at)).toBe('');
  });

  // curl repeats a request by itself when a kept connection ends without a byte of the answer: "rejected" may be ours.
  it('cut after git did it all, is asked again by curl, and refuses what is done', async () => {
    remote.fail({ cutAnswerAfter: 0, to: '/git-receive-pack' });
    const claim = 'refs/mailboxes/claims/one';
    const { status, stderr } = await push(`--force-with-lease=${claim}:`, `HEAD:${claim}`);
    expect(status).toBe(1);
    expect(stderr).toContain('reference already exists');
    expect(remote.requests().filter(({ method }) => method === 'POST')).toHaveLength(2);
    expect(await git(['ls-remote', 'origin', claim], at)).toContain(await git(['rev-parse', 'HEAD'], at));
  });

  it('cut in the answer, leaves an outcome that only a look shows', async () => {
    for (const cutAnswerAfter of [0, 10]) {
      const branch = `refs/heads/cut-${cutAnswerAfter}`;
      remote.fail({ cutAnswerAfter, to: '/git-receive-pack' });
      expect((await push(`HEAD:${branch}`)).status, branch).not.toBe(0);
      expect(await git(['ls-remote', 'origin', branch], at)).toContain(await git(['rev-parse', 'HEAD'], at));
    }
  });

  it('that hangs, ends with the server', async () => {
    remote.fail({ hang: true });
    const asked = runGit(['ls-remote', 'origin'], at);
    await waitUntil(() => remote.requests().length > 0, { what: 'the request' });
    await remote.close();
    expect((await asked).status).toBe(128);
  });
});

describe('a remote that takes nothing outside branches and tags', () => {
  it('refuses the whole push', async () => {
    const { url } = await open({ refuseRefsOutside: true });
    const { dir: cwd, env } = await cloneFor(url);
    const refused = await runGit(['push', 'origin', 'HEAD:main', 'HEAD:refs/mailboxes/claims/one'], { cwd, env });
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('found refs/mailboxes/claims/one');
    expect(await git(['ls-remote', url], { cwd, env })).toBe('');
    expect((await runGit(['push', 'origin', 'HEAD:main', 'HEAD:refs/tags/one'], { cwd, env })).status).toBe(0);
  });
});
