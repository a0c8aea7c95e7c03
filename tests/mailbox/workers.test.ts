import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { judgeWorker, noteSighting, openWorkers, type Sighting } from '../../src/mailbox/workers.js';
import { beatingHost } from '../support/beating-host.js';
import { bareRepository, git, sync } from '../support/git-host.js';
import { testdir } from '../support/testdir.js';
import { parsePresence } from '../../src/git/presence.js';

const NOW = Date.parse('2026-11-20T10:30:00Z');
const BEAT = 30_000;

/** A heartbeat whose own clock said this, ms from now. */
function presenceAt(ms: number) {
  const at = new Date(NOW + ms).toISOString();
  const fields = { host: 'b-1', version: '0.3.0', mailboxes: [], runner: 'simulator', running: [], queue: {}, load: 0 };
  const more = { pid: 1, started: at, interval: BEAT, nonce: 'n', beat: 1, at };
  return parsePresence(`t\n\n${JSON.stringify({ ...fields, ...more })}`, 'b-1');
}

describe('who is alive', () => {
  /** Seconds before now. */
  const seen = (first: number, before: number | undefined): Sighting => ({
    ...{ oid: 'x', first: NOW - first * 1_000, last: NOW },
    before: before === undefined ? undefined : NOW - before * 1_000,
  });

  it.each<[string, Sighting, number, string, string]>([
    ['changed between two looks of late, whatever its clock says', seen(5, 20), -9_000_000, 'alive', 'here'],
    ['has not changed for two beats', seen(61, 90), 0, 'late', 'here'],
    ['has not changed for five beats, though its clock runs ahead', seen(151, 200), 0, 'gone', 'here'],
    ['changed some time in the last hour; its clock says now', seen(0, 3_600), -20_000, 'alive', 'there'],
    ['changed some time in the last hour; its clock says long ago', seen(0, 3_600), -900_000, 'gone', 'there'],
    ['was never seen before; its clock says now', seen(0, undefined), 10_000, 'alive', 'there'],
    ['was never seen before; its clock says long ago', seen(0, undefined), -151_000, 'gone', 'there'],
    ['was never seen before; its clock is far ahead', seen(0, undefined), 151_000, 'gone', 'there'],
    ['was first seen a while ago, and never changed since', seen(100, undefined), 0, 'late', 'here'],
  ])('one that %s', (_, sighting, ownClock, state, judged) => {
    expect(judgeWorker(presenceAt(ownClock), sighting, NOW)).toMatchObject({ state, judged });
  });

  it('is remembered from look to look, by this clock alone', () => {
    const first = noteSighting(undefined, 'x', 1_000);
    expect(first).toEqual({ oid: 'x', first: 1_000, before: undefined, last: 1_000 });
    const same = noteSighting(first, 'x', 5_000);
    expect(same).toEqual({ oid: 'x', first: 1_000, before: undefined, last: 5_000 });
    expect(noteSighting(same, 'y', 9_000)).toEqual({ oid: 'y', first: 9_000, before: 5_000, last: 9_000 });
    // The clock was set back.
    expect(noteSighting(same, 'x', 2_000)).toEqual({ oid: 'x', first: 2_000, before: undefined, last: 2_000 });
  });

  it('is found out over a real remote: alive, late, gone, alive again, and not there any more', async () => {
    const url = bareRepository();
    // A clock that is hours wrong.
    const b = await beatingHost(url, 'b-1', { interval: BEAT, now: () => NOW - 9_000_000 });
    await sync(b);
    const root = testdir({ 'mailboxes/': '' });
    let now = NOW;
    const look = async (seconds: number) => {
      now += seconds * 1_000;
      const workers = openWorkers(root, url, () => now);
      try {
        return (await workers.read()).workers.map(({ state, judged }) => `${state} ${judged}`);
      } finally {
        workers.close();
      }
    };
    const beat = async (): Promise<void> => {
      await b.heartbeat.turn(b.exchange.state);
    };
    expect(await look(0)).toEqual(['gone there']);
    await beat();
    expect(await look(20)).toEqual(['alive here']);
    expect(await look(20)).toEqual(['alive here']);
    expect(await look(50)).toEqual(['late here']);
    expect(await look(100)).toEqual(['gone here']);
    await beat();
    expect(await look(1)).toEqual(['alive here']);
    const memory = join(root, '.mailboxd/git/presence.json');
    for (const text of ['{', 'null', '[7]', '{"b-1":{"oid":7}}', 'x'.repeat(2_000_000)]) {
      writeFileSync(memory, text);
      expect(await look(1)).toEqual(['gone there']);
    }
    expect(JSON.parse(readFileSync(memory, 'utf8'))).toMatchObject({
      'b-1': { oid: git(url, 'rev-parse', 'refs/mailboxd/presence/b-1') },
    });
    await b.heartbeat.end(b.exchange.state);
    expect(await look(1)).toEqual([]);
    expect(readFileSync(memory, 'utf8')).toBe('{}\n');
    expect(existsSync(join(root, '.git'))).toBe(false);
    await b.exchange.close();
  });
});
