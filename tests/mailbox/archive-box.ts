/** A root with old messages, and every file of it as text. */
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Desk } from '../../src/mailbox/find.js';
import { systemClock } from '../../src/mailbox/clock.js';
import { openMailboxes } from '../../src/mailbox/open.js';
import { testdir } from '../support/testdir.js';

export const DAY = 86_400_000;
export const NOW = Date.parse('2026-11-20T12:00:00Z');
export const clock = { ...systemClock, now: () => NOW };

/** A finished message that ended `days` before NOW. */
export function finished(id: string, days: number, text = 'text\n'): string {
  const at = new Date(NOW - days * DAY).toISOString();
  return `---\nid: ${id}\nsubject: Of ${id}\nresult: { outcome: complete, at: "${at}" }\n---\n${text}`;
}

/** Two messages of 100 days (one with attachments, one in its month), one without front matter, and a recent one. */
export function makeOldRoot(): string {
  return testdir({
    'mailboxes/server/complete/with files.md': finished('old-1', 100, 'text\r\nwithout end'),
    'mailboxes/server/complete/2026-08/größe.md': finished('old-2', 101),
    'mailboxes/laptop/failed/2026-01-01-bare.md': 'bare\n',
    'mailboxes/server/complete/recent.md': finished('new-1', 10),
    'mailboxes/server/inbox/waiting.md': finished('wait-1', 200),
    'attachments/old-1/data.bin': Buffer.from([0, 255, 10, 13, 0]),
    'attachments/old-1/sub/page.html': '<p>\n',
    'attachments/new-1/stays.txt': 'stays\n',
  });
}

/** Path → content (latin1) of every file below mailboxes/ and attachments/. */
export function snapshot(root: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const top of ['mailboxes', 'attachments']) {
    for (const name of readdirSync(join(root, top), { recursive: true, encoding: 'utf8' }).toSorted()) {
      const path = join(root, top, name);
      if (lstatSync(path).isFile()) found[relative(root, path)] = readFileSync(path, 'latin1');
    }
  }
  return found;
}

export async function withDesk<T>(root: string, use: (desk: Desk) => Promise<T>): Promise<T> {
  await using mailboxes = await openMailboxes(root, { mode: 'write', clock });
  await mailboxes.sync();
  return await use({ root: mailboxes.root, clock, catalog: mailboxes.catalog, who: 'me' });
}
