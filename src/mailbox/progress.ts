/** What is being run now, told from the files in `in_progress/`. */
import type { CatalogRecord } from '../catalog/index.js';
import { parseMessage } from '../format/message.js';
import { isAlive } from '../host/process-id.js';
import { messagePath } from '../store/paths.js';
import type { Desk } from './find.js';
import { readPlace } from './locate.js';

export interface RunningTaskView {
  id: string;
  mailbox: string;
  /** Absolute path of its file. */
  path: string;
  from: string;
  subject: string;
  runner: string | undefined;
  session: string | undefined;
  worker: string | undefined;
  /** RFC 3339 time of the claim, and ms since then. */
  since: string | undefined;
  running_ms: number | undefined;
  /** The last line that was written that says something; undefined before the first. */
  last_line: string | undefined;
  /** False when the daemon that claimed it is gone: the next start takes it up. Undefined for another host's claim. */
  alive: boolean | undefined;
}

export function readRunning(desk: Desk, records: CatalogRecord[]): RunningTaskView[] {
  const { root } = desk;
  return records.flatMap((record) => {
    const bytes = readPlace(root.dir, record);
    if (!bytes) return [];
    const view = {
      id: record.id,
      mailbox: record.mailbox,
      path: messagePath(root.dir, record),
      from: record.from,
      subject: record.subject,
    };
    const unknown = {
      runner: undefined,
      session: undefined,
      worker: undefined,
      since: undefined,
      running_ms: undefined,
      last_line: undefined,
      alive: undefined,
    };
    try {
      const { front, recorded } = parseMessage(bytes, root.config.key, { trustFields: true });
      const { claim } = front;
      const since = claim?.at;
      const started = since === undefined ? Number.NaN : Date.parse(since);
      const isOurs = claim?.worker?.endsWith(`@${root.config.host}`) ?? false;
      return [
        {
          ...view,
          runner: claim?.runner,
          session: claim?.session,
          worker: claim?.worker,
          since,
          running_ms: Number.isNaN(started) ? undefined : Math.max(0, desk.clock.now() - started),
          last_line: lastLine(recorded),
          alive: isOurs && claim ? isAlive(claim.process) : undefined,
        },
      ];
    } catch {
      return [{ ...view, ...unknown }];
    }
  });
}

function lastLine(recorded: string): string | undefined {
  const lines = recorded.slice(-8_192).split(/\r?\n/);
  return lines.findLast((line) => /[\p{L}\p{N}]/u.test(line) && !/^(<!-- |## Run \d+\s*$)/.test(line))?.trim();
}
