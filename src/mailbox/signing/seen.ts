/**
 * The ids of signed messages that were run on this host, in `.mailboxd/seen-signed`: once a finished message has been
 * deleted, a recorded copy of it looks new but for this. One line each, `<id> <epoch> <ms since 1970>`, appended; the
 * file is written anew when it has twice as many lines as are kept: those that `max_age` reaches, or the newest 10,000.
 */
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../core/errors.js';
import type { FrontMatter } from '../../core/message.js';
import { isClaimToken } from '../../core/token.js';
import { diskFault } from '../../store/durable.js';
import { hostDir } from '../../store/paths.js';

export interface SeenIds {
  /** The epoch under which it was last run here; undefined when it was not. */
  epochOf(id: string): number | undefined;
  /** Notes that it was run. `now`: ms since 1970. */
  note(id: string, epoch: number, now: number): void;
}

/** How many are kept where no age bounds them. */
const MOST = 10_000;
/** A message whose `created` is ahead of this host's clock by more than this, ms, is refused where an age bounds it. */
export const CLOCK_ROOM = 10 * 60_000;

interface Entry {
  epoch: number;
  /** When it was run, ms since 1970. */
  at: number;
}

/** `maxAge`, ms: an older message is refused anyway, so that its id need not be kept. */
export function openSeenIds(root: string, maxAge: number | undefined, most = MOST): SeenIds {
  const path = join(hostDir(root), 'seen-signed');
  let entries: Map<string, Entry> | undefined;
  let lines = 0;
  let limit = 2 * most;
  let isTorn = false;
  const load = (): Map<string, Entry> => {
    if (entries) return entries;
    const text = readOrEmpty(path);
    isTorn = text !== '' && !text.endsWith('\n');
    entries = new Map();
    for (const line of text.split('\n')) {
      const [, id, epoch, at] = /^(\S+) (\d{1,15}) (\d{1,15})$/.exec(line) ?? [];
      if (id !== undefined) enter(entries, id, { epoch: Number(epoch), at: Number(at) });
      lines += 1;
    }
    return entries;
  };
  const compact = (all: Map<string, Entry>, now: number): void => {
    const kept =
      maxAge === undefined ? [...all].slice(-most) : [...all].filter(([, { at }]) => now - at <= maxAge + CLOCK_ROOM);
    const temp = `${path}~${process.pid}`;
    writeFileSync(temp, kept.map(([id, entry]) => formatLine(id, entry)).join(''), { mode: 0o600 });
    renameSync(temp, path);
    entries = new Map(kept);
    lines = kept.length;
    limit = 2 * Math.max(most, kept.length);
  };
  return {
    epochOf: (id) => load().get(id)?.epoch,
    note(id, epoch, now) {
      const all = load();
      if ((all.get(id)?.epoch ?? -1) >= epoch) return;
      const entry = { epoch, at: Math.round(now) };
      enter(all, id, entry);
      try {
        appendFileSync(path, `${isTorn ? '\n' : ''}${formatLine(id, entry)}`, { mode: 0o600 });
        isTorn = false;
        lines += 1;
        if (lines >= limit) compact(all, now);
      } catch (error) {
        throw diskFault(error, `writing ${path}`);
      }
    },
  };
}

/** The newest stands last. */
function enter(all: Map<string, Entry>, id: string, entry: Entry): void {
  all.delete(id);
  all.set(id, entry);
}

function formatLine(id: string, { epoch, at }: Entry): string {
  return `${id} ${epoch} ${at}\n`;
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return '';
    throw diskFault(error, `reading ${path}`);
  }
}

/** The highest epoch that this host's own tokens in a message prove; -1 without any, as in a message just sent. */
export function provenEpoch(front: FrontMatter, key: string): number {
  const id = typeof front.id === 'string' ? front.id : '';
  const runs: unknown = front.runs;
  const tokens: unknown[] = [
    front.seal,
    front.claim?.token,
    ...(Array.isArray(runs) ? runs.map((run: { token?: unknown } | null) => run?.token) : []),
  ];
  return tokens.reduce<number>(
    (most, token) =>
      typeof token === 'string' && isClaimToken(key, id, token) ? Math.max(most, Number.parseInt(token, 10)) : most,
    -1,
  );
}
