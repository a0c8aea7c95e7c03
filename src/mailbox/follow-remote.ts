/**
 * Following a message on a root with a remote. Its file here is followed as ever; beside that, while it does not run
 * here, the remote is looked at about once a second: who claims it, and what that host sends of its output, which it
 * does only as long as a `follow` ref asks for it. The end comes with the file when a daemon here brings it, and else
 * from main itself. Nothing that a daemon here exchanges with is touched.
 */
import type { Place } from '../core/message.js';
import { MailboxError } from '../core/errors.js';
import type { ParsedMessage } from '../format/message.js';
import { lockHolder } from '../git/exchange/open.js';
import { readLeftOut } from '../git/live.js';
import { claimKey } from '../git/ref-names.js';
import { openTaskLook, type TaskLook, type TaskSighting } from '../git/task-look.js';
import { join } from 'node:path';
import { hostDir } from '../store/paths.js';
import { findOnMain } from './find-on-main.js';
import type { Desk } from './find.js';
import { endOf, followFile, pause, tryParse, type FollowEvent, type FollowOptions } from './follow-file.js';
import { locateMessage, readPlace } from './locate.js';
import { newText } from './new-text.js';
import { readServing } from './serving.js';

/** Between two looks, ms, and after one that could not be made. */
const LOOK = 1_000;
const AWAY = 5_000;
/** How often the output is asked for anew, ms: well below what its holder takes for stale. */
const ASK = 20_000;
/** How long the end of a run that a person broke off is waited for, ms. */
const LAST_WORDS = 15_000;

export async function* followWithRemote(
  desk: Desk,
  record: Place & { id: string },
  options: FollowOptions,
  url: string,
): AsyncIterable<FollowEvent> {
  const stop = new AbortController();
  const onAbort = (): void => stop.abort();
  options.signal?.addEventListener('abort', onAbort, { once: true });
  if (options.signal?.aborted) stop.abort();
  const events = createChannel<FollowEvent>();
  const following = createFollowing(desk, record, options, events.put);
  const pumps = [following.byFile(stop.signal), following.byRemote(url, stop.signal)];
  for (const pump of pumps) pump.catch((error: unknown) => events.fail(error));
  const end = async (): Promise<void> => {
    stop.abort();
    options.signal?.removeEventListener('abort', onAbort);
    await Promise.allSettled(pumps);
  };
  try {
    for (;;) {
      const event = await events.next(stop.signal);
      if (event === undefined) return;
      // Nobody may ask for more after this: what is open is closed first.
      const isLast = event.type === 'end' || event.type === 'gone';
      if (isLast) await end();
      yield event;
      if (isLast) return;
    }
  } finally {
    await end();
  }
}

interface Following {
  byFile(signal: AbortSignal): Promise<void>;
  byRemote(url: string, signal: AbortSignal): Promise<void>;
}

function createFollowing(
  desk: Desk,
  record: Place & { id: string },
  options: FollowOptions,
  put: (event: FollowEvent) => void,
): Following {
  const { dir, config } = desk.root;
  const key = claimKey(record.id || undefined, record.mailbox, record.name);
  const ownDir = join(hostDir(dir), 'git');
  let place: Place = record;
  /** What was recorded and has been passed on; undefined until the first text of a run elsewhere. */
  let seen: string | undefined;
  let elsewhere: string | undefined;
  /** Whether what stands there at first was written before the following began, and is not wanted. */
  let isOldSkipped = false;
  let hasEnded = false;

  const pass = (recorded: string): void => {
    const text = newText(seen ?? '', recorded);
    if (seen === undefined && isOldSkipped) seen = recorded;
    else {
      seen = recorded;
      if (text !== '') put({ type: 'text', text });
    }
  };
  /** What the runs recorded and was not passed on yet, then the end. */
  const finish = (message: ParsedMessage | undefined, where: Place, isHere: boolean): boolean => {
    const end = endOf(message, where);
    if (!end || hasEnded) return end !== undefined;
    const last = message?.front.runs?.at(-1)?.worker;
    const wasElsewhere = elsewhere !== undefined || (last !== undefined && !last.endsWith(`@${config.host}`));
    if (message && wasElsewhere) {
      const result = message.markers.findLast(({ kind }) => kind === 'result');
      pass(message.recorded.slice(0, result?.start));
    }
    hasEnded = true;
    put(isHere ? end : { ...end, here: false });
    return true;
  };
  const readHere = (): ParsedMessage | undefined => tryParse(readPlace(dir, place), config.key);
  const isRunHere = (): boolean =>
    place.state === 'in_progress' && (readHere()?.front.claim?.worker?.endsWith(`@${config.host}`) ?? false);
  const isExchanging = (): boolean => lockHolder(ownDir) !== undefined;

  return {
    async byFile(signal) {
      for await (const event of followFile(desk, record, { ...options, signal })) {
        if (event.type === 'state') place = event.place;
        if (event.type === 'text') {
          if (elsewhere !== undefined) continue;
          seen = (seen ?? '') + event.text;
        }
        if (event.type !== 'end') {
          put(event);
          continue;
        }
        place = event.place;
        let message = readHere();
        // A person broke off a run elsewhere: its host has yet to say how far it came.
        const until = performance.now() + LAST_WORDS;
        const mayCome = (): boolean => elsewhere !== undefined && isExchanging() && performance.now() < until;
        while (message && message.front.result === undefined && mayCome() && !signal.aborted) {
          await pause(LOOK / 5, signal);
          place = locateMessage(dir, record.id, place, 0) ?? place;
          message = readHere();
        }
        finish(message, place, true);
      }
    },
    async byRemote(url, signal) {
      let look: TaskLook | undefined;
      let asked: string | undefined;
      let follow: { oid: string | undefined; since: number } = { oid: undefined, since: -Infinity };
      let isAway = false;
      let isFirst = true;
      let main: string | undefined;
      const ask = async (sighting: TaskSighting, from: TaskLook): Promise<void> => {
        const now = performance.now();
        if (sighting.follow !== follow.oid) follow = { oid: sighting.follow, since: now };
        if (sighting.follow !== undefined && now - follow.since < ASK) return;
        const by = { identity: `${config.host} <mailboxd@${config.host}>`, host: config.host, now: desk.clock.now() };
        const oid = await from.ask(ASK, by);
        if (oid === undefined) return;
        asked = oid;
        follow = { oid, since: now };
      };
      /** Whether it has ended on main, where nobody brings main here. */
      const hasEndedOnMain = async ({ main: tip, claim }: TaskSighting, { objects }: TaskLook): Promise<boolean> => {
        if (tip === undefined || (tip === main && claim !== undefined)) return false;
        main = tip;
        const found = await findOnMain(objects, tip, { ...place, id: record.id || undefined });
        if (!found || (found.place.state !== 'complete' && found.place.state !== 'failed')) return false;
        const message = tryParse(found.bytes, config.key);
        // Moved by a person while it ran: its host has yet to say how far it came.
        if (message?.front.result === undefined && claim !== undefined) return false;
        return finish(message, found.place, false);
      };
      const turn = async (): Promise<boolean> => {
        look ??= await openTaskLook(dir, url, key);
        const isAlone = !isExchanging();
        const sighting = await look.look({ main: isAlone, signal });
        const { claim, live } = sighting;
        const other = claim && !claim.done && claim.host !== config.host ? claim : undefined;
        if (isFirst) isOldSkipped = options.fromStart !== true && other !== undefined;
        isFirst = false;
        if (other && elsewhere !== other.worker) {
          elsewhere = other.worker;
          put({ type: 'elsewhere', worker: other.worker, host: other.host });
        }
        const isWaitingHere = readServing(dir).some(({ mailboxes }) => mailboxes.includes(place.mailbox));
        if (other || (!claim && !isWaitingHere)) await ask(sighting, look);
        if (other && live) passLive(live);
        return isAlone && hasEndedOnMain(sighting, look);
      };
      let lastLive: string | undefined;
      const passLive = ({ oid, text }: { oid: string; text: string }): void => {
        if (oid === lastLive) return;
        lastLive = oid;
        const cut = readLeftOut(text);
        if (cut && seen === undefined && !isOldSkipped)
          put({ type: 'note', message: `its first ${cut.bytes} bytes are not shown` });
        const recorded = cut ? cut.rest : tryParse(Buffer.from(text), config.key)?.recorded;
        if (recorded !== undefined) pass(recorded);
      };
      try {
        while (!signal.aborted && !hasEnded) {
          if (place.state === 'complete' || place.state === 'failed' || isRunHere()) {
            if (place.state === 'in_progress') elsewhere = undefined;
            await pause(LOOK, signal);
            continue;
          }
          try {
            if (await turn()) return;
            if (isAway) put({ type: 'note', message: 'the remote answers again' });
            isAway = false;
          } catch (error) {
            if (signal.aborted) return;
            if (!(error instanceof MailboxError) || error.code !== 'unavailable') throw error;
            if (!isAway) put({ type: 'note', message: `${error.message}; what another host writes is not seen now` });
            isAway = true;
          }
          await pause(isAway ? AWAY : LOOK, signal);
        }
      } finally {
        if (look && asked !== undefined) await look.unask(asked);
        await look?.close();
      }
    },
  };
}

interface Channel<T> {
  put(value: T): void;
  fail(error: unknown): void;
  /** Undefined when the signal has fired and nothing is left. */
  next(signal: AbortSignal): Promise<T | undefined>;
}

function createChannel<T>(): Channel<T> {
  const values: T[] = [];
  let failure: { error: unknown } | undefined;
  let wake: () => void = () => undefined;
  return {
    put(value) {
      values.push(value);
      wake();
    },
    fail(error) {
      failure ??= { error };
      wake();
    },
    async next(signal) {
      for (;;) {
        const value = values.shift();
        if (value !== undefined) return value;
        if (failure) throw failure.error;
        if (signal.aborted) return undefined;
        await new Promise<void>((resolve) => {
          wake = () => {
            signal.removeEventListener('abort', wake);
            resolve();
          };
          signal.addEventListener('abort', wake, { once: true });
        });
      }
    },
  };
}
