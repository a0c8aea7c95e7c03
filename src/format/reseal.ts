/**
 * A message that other hosts have worked on carries their tokens, which this host cannot check: that the message stands
 * on main is what vouches for them. Before it is run here they become this host's own, so that everything after that
 * asks one key.
 */
import type { Claim, FrontMatter, RunRecord } from '../core/message.js';
import { claimToken, refusalToken } from '../core/token.js';
import { isMessageId } from '../core/names.js';
import { assembleMessage, parseMessage } from './message.js';

/** The file with every other host's token replaced by one of `key`. Throws `invalid` for what is no message. */
export function reseal(bytes: Buffer, key: string): Buffer {
  const message = parseMessage(bytes, key, { trustFields: true });
  const id = typeof message.front.id === 'string' ? message.front.id : '';
  const own = (token: unknown): string | undefined => {
    if (typeof token !== 'string') return undefined;
    const refused = /^r([a-z0-9]{1,32})-/.exec(token)?.[1];
    if (refused !== undefined) return refusalToken(key, refused);
    const epoch = /^(\d{1,9})-/.exec(token)?.[1];
    return epoch === undefined || !isMessageId(id) ? undefined : claimToken(key, id, Number(epoch));
  };
  let recorded = '';
  let at = 0;
  for (const marker of message.markers) {
    const line = message.recorded.slice(marker.start, marker.end);
    recorded +=
      message.recorded.slice(at, marker.start) + line.replace(marker.token, own(marker.token) ?? marker.token);
    at = marker.end;
  }
  recorded += message.recorded.slice(at);
  const { front } = message;
  const changes: FrontMatter = {};
  if (front.seal !== undefined) changes.seal = own(front.seal) ?? '';
  if (Array.isArray(front.runs))
    changes.runs = front.runs.map((run): RunRecord => ({ ...run, token: own(run?.token) ?? '' }));
  if (front.claim) changes.claim = { ...front.claim, token: own(front.claim.token) ?? '' } satisfies Claim;
  const isSame =
    recorded === message.recorded &&
    changes.seal === front.seal &&
    changes.claim?.token === front.claim?.token &&
    (changes.runs ?? []).every((run, index) => run.token === front.runs?.[index]?.token);
  if (isSame) return bytes;
  return Buffer.from(assembleMessage({ split: message.split, ownText: message.ownText, recorded }, changes));
}
