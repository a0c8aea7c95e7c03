/** A chat was read: it moves from the inbox to `complete/` and says so. */
import type { Catalog } from '../catalog/index.js';
import type { Clock } from '../core/clock.js';
import type { Place } from '../core/message.js';
import { claimToken } from '../core/token.js';
import { assembleMessage, parseMessage } from '../format/message.js';
import { moveMessage, settleMessage } from '../store/settle.js';
import { statMessage } from '../store/list.js';
import { MAX_FILE_BYTES, readPlace } from './locate.js';
import { recordFromHead } from './record.js';
import type { Root } from './root.js';

/** Brings the catalog up to what stands at `place`, after the message left `before`. */
export function noteMove(catalog: Catalog, root: string, before: Place | undefined, place: Place | undefined): void {
  if (before && (before.mailbox !== place?.mailbox || before.state !== place.state || before.name !== place.name))
    catalog.remove(before);
  if (!place) return;
  const stat = statMessage(root, place);
  const bytes = readPlace(root, place);
  if (!stat || !bytes) catalog.remove(place);
  else
    catalog.put(
      recordFromHead(place, bytes.subarray(0, 64 * 1024 + 256), {
        size: Number(stat.size),
        mtimeMs: Number(stat.mtimeNs) / 1e6,
      }),
    );
}

/**
 * Undefined when the chat is not in the inbox any more. Without a configuration, and so without a key, it is moved and
 * nothing is written into it: a seal of a key that is thrown away would look forged to the next daemon.
 */
export async function acknowledge(
  root: Root,
  clock: Clock,
  who: string,
  catalog: Catalog,
  place: Place,
): Promise<Place | undefined> {
  const { key } = root.config;
  const build = (bytes: Buffer): string => {
    const message = parseMessage(bytes, key);
    const id = message.front.id ?? clock.newId();
    return assembleMessage(message, {
      id,
      seal: claimToken(key, id, message.front.epoch ?? 0),
      result: { outcome: 'acknowledged', at: new Date(clock.now()).toISOString() },
    });
  };
  const to = { mailbox: place.mailbox, state: 'complete' } as const;
  const placed = root.configured
    ? await settleMessage(root.dir, place, to, who, MAX_FILE_BYTES, build)
    : await moveMessage(root.dir, place, to, who);
  noteMove(catalog, root.dir, place, placed);
  return placed;
}
