/** Delivery: a message appears in an inbox whole, durable, and never over another. */
import { mkdirSync, utimesSync } from 'node:fs';
import { STATES, type Place } from '../core/message.js';
import { diskFault, linkUnique, removeSoon, syncFolder, writeTemp } from './durable.js';
import { faultPoint } from './fault-points.js';
import { stateDir } from './paths.js';

/** Creates a mailbox's four folders where they are missing. */
export function makeMailbox(root: string, mailbox: string): void {
  for (const state of STATES) {
    const dir = stateDir(root, mailbox, state);
    try {
      mkdirSync(dir, { recursive: true });
    } catch (error) {
      throw diskFault(error, `making ${mailbox}/${state}`);
    }
  }
}

/** Writes `bytes` as a new file of `place`'s folder and returns where it came to stand. On return it is on the disk. */
export async function deliverFile(root: string, place: Place, bytes: Uint8Array | string): Promise<Place> {
  const dir = stateDir(root, place.mailbox, place.state);
  const temp = await writeTemp(dir, bytes);
  try {
    // An older mtime than ctime tells a daemon that the file arrived whole (see ready.ts).
    const written = new Date(Date.now() - 50);
    utimesSync(temp, written, written);
    const name = linkUnique(temp, dir, place.name);
    faultPoint?.('delivered');
    await syncFolder(dir);
    return { ...place, name };
  } finally {
    await removeSoon(temp);
  }
}
