import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { callsIn, start } from '../cli/harness.js';
import { drop } from '../support/daemon.js';
import { bareRepository, git, remoteRoot } from '../support/git-host.js';
import { waitUntil } from '../support/wait-until.js';

const TEXT = '---\nid: m1\nfrom: laptop\n---\nDo it\n';

describe('who runs a message', () => {
  it('is not known while the remote is away: commands say so and go on', async () => {
    const url = bareRepository();
    const laptop = remoteRoot(url, 'laptop-1', ['laptop']);
    rmSync(url, { recursive: true });
    drop(laptop, 'server', 'x.md', TEXT);
    const mb = callsIn(laptop);
    const shown = await mb('show', 'm1');
    expect(shown.code).toBe(0);
    expect(shown.out).toMatch(/^running +not known: .*does not appear to be a git repository/m);
    expect(await mb('list')).toMatchObject({ code: 0 });
    const tail = start({ cwd: laptop }, 'tail', 'm1');
    await waitUntil(() => tail.err.includes('what another host writes is not seen now'), { what: 'a word about it' });
    const cancelled = await mb('cancel', 'm1');
    expect(cancelled).toMatchObject({ code: 0, out: 'cancelled: mailboxes/server/failed/x.md\n' });
    expect(cancelled.err).toContain('whether another host runs it is not known');
    expect((await tail.result).code).toBe(1);
  });

  it('is nobody where no claim stands, on a remote that is empty too', async () => {
    const url = bareRepository();
    const laptop = remoteRoot(url, 'laptop-1', ['laptop']);
    drop(laptop, 'server', 'x.md', TEXT);
    const mb = callsIn(laptop);
    const { code, out } = await mb('show', 'm1');
    expect(code).toBe(0);
    expect(out).not.toMatch(/^running/m);
    expect(git(url, 'for-each-ref')).toBe('');
    expect(git(laptop, 'for-each-ref')).toBe('');
    // Nor is anything left of the look.
    expect(readdirSync(join(laptop, '.mailboxd/git'))).toEqual([]);
  });
});
