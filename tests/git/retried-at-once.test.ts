import { mkdirSync, rmSync, unlinkSync, writeFileSync, linkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { whyWithheld } from '../../src/mailbox/provenance.js';
import { bareRepository, gitHost, openHost, sync } from '../support/git-host.js';

const KEY = 'k'.repeat(43);
const DONE =
  '---\nid: "m1"\nseal: "1-aaaaaaaaaaaaaaaaaaaa"\nepoch: 1\nresult: { outcome: complete, at: "2026-11-20T10:00:00Z" }\n---\nx\n';
const hooks = {
  onEvent: () => undefined,
  onApplied: () => undefined,
  onLost: () => undefined,
  onMoved: () => undefined,
  withhold: (_: string, bytes: Buffer, before: readonly Buffer[]) => whyWithheld(KEY, bytes, before),
};

describe('a message that another host has finished, and that is put back here', () => {
  it('is not gone from main while its file has only just been put into the inbox', async () => {
    const url = bareRepository();
    const [a, b] = [await gitHost(url, 'a-1', { hooks, settle: 60_000 }), await gitHost(url, 'b-1')];
    b.write('mailboxes/server/complete/x.md', DONE);
    await sync(b, a);
    mkdirSync(join(a.root, 'mailboxes/server/inbox'), { recursive: true });
    // As a retry does it: written, linked and taken away in one moment; a file of this very moment is not looked at yet.
    const inbox = join(a.root, 'mailboxes/server/inbox/x.md');
    const { working } = a.exchange.state;
    const scan = working.scan.bind(working);
    let isFirst = true;
    working.scan = async (...args) => {
      if (isFirst) {
        isFirst = false;
        writeFileSync(join(a.root, '.mailboxd/temp'), DONE);
        linkSync(join(a.root, '.mailboxd/temp'), inbox);
        writeFileSync(inbox, DONE);
        unlinkSync(join(a.root, 'mailboxes/server/complete/x.md'));
      }
      return scan(...args);
    };
    await sync(a, b);
    const isSomewhere = ['inbox', 'complete'].some((state) => {
      try {
        return b.read(`mailboxes/server/${state}/x.md`) !== '';
      } catch {
        return false;
      }
    });
    expect(isSomewhere).toBe(true);
    await a.exchange.close();
    await b.exchange.close();
  });

  it('is sent although main has forgotten it meanwhile', async () => {
    const url = bareRepository();
    const [a, b] = [await gitHost(url, 'a-1'), await gitHost(url, 'b-1')];
    b.write('mailboxes/server/complete/x.md', DONE);
    await sync(b, a);
    rmSync(join(a.root, 'mailboxes/server/complete/x.md'));
    await sync(a, b);
    await a.exchange.close();
    const again = await openHost(a.root, url, 'a-1', { hooks });
    again.write('mailboxes/server/inbox/x.md', DONE);
    again.write('mailboxes/server/inbox/forged.md', DONE.replace('"m1"', '"m2"'));
    await sync(again, b);
    expect(b.read('mailboxes/server/inbox/x.md')).toBe(DONE);
    expect(again.exchange.state.withheld.has('mailboxes/server/inbox/forged.md')).toBe(true);
    expect(() => b.read('mailboxes/server/inbox/forged.md')).toThrow('ENOENT');
    await again.exchange.close();
    await b.exchange.close();
  });
});
