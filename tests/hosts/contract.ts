import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { cloneFor, git, runGit } from '../support/remotes/git.js';

/** A way to a remote: what a clone is told, and what git needs beside it. */
export interface Way {
  url: string;
  dir: string;
  env?: NodeJS.ProcessEnv;
}

type Clone = Awaited<ReturnType<typeof cloneFor>>;

const CLAIM = 'refs/mailboxes/claims/one';

/** What the protocol asks of every remote, in plain git: each kind is held to the same. */
export function describeRemote(kind: string, open: () => Promise<Way>): void {
  describe(`a remote over ${kind}`, () => {
    let way: Way;
    let one: Clone;
    let two: Clone;
    const on = ({ dir, env }: Clone): { cwd: string; env: NodeJS.ProcessEnv } => ({ cwd: dir, env });
    const at = async (ref: string): Promise<string> => {
      const { stdout } = await runGit(['-C', way.dir, 'rev-parse', '--verify', '-q', ref], on(one));
      return stdout.trim();
    };

    beforeAll(async () => {
      way = await open();
      const env = way.env ?? {};
      one = await cloneFor(way.url, { name: 'One', env });
      two = await cloneFor(way.url, { name: 'Two', env });
      await git(['push', '-q', 'origin', 'main'], on(one));
      await git(['fetch', '-q', 'origin'], on(two));
      await git(['reset', '-q', '--hard', 'origin/main'], on(two));
    });

    it('makes a ref for the first who asks, and refuses the second', async () => {
      const claim = ['push', '--porcelain', `--force-with-lease=${CLAIM}:`, 'origin', `HEAD:${CLAIM}`];
      await git(['commit', '-q', '--allow-empty', '-m', 'A claim'], on(two));
      expect((await runGit(claim, on(one))).status).toBe(0);
      const first = await at(CLAIM);
      expect(first).toBe(await git(['rev-parse', 'HEAD'], on(one)));

      const second = await runGit(claim, on(two));
      expect(second.status).toBe(1);
      expect(second.stdout).toMatch(/^!\t.*\t\[rejected\] \(stale info\)$/m);
      expect(await at(CLAIM)).toBe(first);
    });

    it('takes main and the end of a ref together, or neither', async () => {
      await git(['push', '-q', '--force', 'origin', `HEAD:${CLAIM}`], on(one));
      const [main, claim] = [await at('refs/heads/main'), await at(CLAIM)];
      const finish = (clone: Clone, lease: string): ReturnType<typeof runGit> =>
        runGit(
          [
            ...['push', '--porcelain', '--atomic', `--force-with-lease=refs/heads/main:${main}`],
            ...[`--force-with-lease=${CLAIM}:${lease}`, 'origin', 'HEAD:refs/heads/main', `:${CLAIM}`],
          ],
          on(clone),
        );
      await git(['commit', '-q', '--allow-empty', '-m', 'A result'], on(one));

      // The lease on the claim is of another: main stays, too.
      const lost = await finish(one, '1'.repeat(40));
      expect(lost.status).toBe(1);
      expect([await at('refs/heads/main'), await at(CLAIM)]).toEqual([main, claim]);

      expect((await finish(one, claim)).status).toBe(0);
      expect([await at('refs/heads/main'), await at(CLAIM)]).toEqual([await git(['rev-parse', 'HEAD'], on(one)), '']);
    });

    it('removes a ref, and fetch with prune sees that it is gone', async () => {
      const ref = 'refs/mailboxes/hosts/one';
      const fetch = ['fetch', '-q', '--prune', 'origin', '+refs/mailboxes/*:refs/remote-mailboxes/*'];
      const seen = (): Promise<string> =>
        git(['for-each-ref', '--format=%(refname)', 'refs/remote-mailboxes/hosts'], on(two));
      await git(['push', '-q', 'origin', `HEAD:${ref}`], on(one));
      await git(fetch, on(two));
      expect(await seen()).toBe('refs/remote-mailboxes/hosts/one');

      await git(['push', '-q', 'origin', `--force-with-lease=${ref}:${await at(ref)}`, `:${ref}`], on(one));
      await git(fetch, on(two));
      expect(await seen()).toBe('');
    });

    it('takes more than fits into one piece', async () => {
      // Above 1 MiB git sends a push over HTTP in chunks, without saying how many.
      writeFileSync(join(one.dir, 'large'), randomBytes(3_000_000));
      await git(['add', 'large'], on(one));
      await git(['commit', '-q', '-m', 'A large file'], on(one));
      await git(['push', '-q', 'origin', 'HEAD:refs/heads/large'], on(one));
      await git(['fetch', '-q', 'origin', 'large'], on(two));
      expect(await git(['rev-parse', 'FETCH_HEAD:large'], on(two))).toBe(await git(['hash-object', 'large'], on(one)));
    });
  });
}
