/**
 * The output of a running task on the remote: `<space>/live/<name>` points to a commit with the task's file as it is now,
 * `output.md`; each replaces the last one. It is there only while `<space>/follow/<name>` asks for it. The name is the
 * message's claim key: its id, or what stands in for it until it has one.
 */
import { randomBytes } from 'node:crypto';
import type { Objects } from './objects.js';
import type { SideRepository } from './side-repository.js';

export const LIVE_FILE = 'output.md';

/** Bytes of a task's file that are sent at most: the last ones. */
export const MOST_LIVE = 4 * 1024 * 1024;
const LEFT_OUT = /^<!-- the first (\d{1,15}) bytes are left out here -->\n/;

/** What is sent of a file: all of it, or its end below a line that says so. Cut where a character begins. */
export function liveBytes(bytes: Buffer, most = MOST_LIVE): Buffer {
  if (bytes.length <= most) return bytes;
  let from = bytes.length - most;
  while (from < bytes.length && ((bytes[from] ?? 0) & 0xc0) === 0x80) from += 1;
  return Buffer.concat([Buffer.from(`<!-- the first ${from} bytes are left out here -->\n`), bytes.subarray(from)]);
}

/** Whether the beginning of a file was left out; then `rest` is what there is. */
export function readLeftOut(text: string): { bytes: number; rest: string } | undefined {
  const match = LEFT_OUT.exec(text);
  return match ? { bytes: Number(match[1]), rest: text.slice(match[0].length) } : undefined;
}

export interface Author {
  /** `Name <address>`. */
  identity: string;
  host: string;
  /** ms since 1970. */
  now: number;
}

export function writeLive(side: SideRepository, name: string, bytes: Uint8Array, by: Author): Promise<string> {
  return side.writeCommit({
    files: new Map([[LIVE_FILE, bytes]]),
    message: `live ${name}\n\nMailboxd-Host: ${by.host}\nMailboxd-Nonce: ${nonce()}`,
    identity: by.identity,
    now: by.now,
  });
}

/** The file's text as it was sent; undefined for a commit that is none of this. */
export async function readLive(objects: Objects, oid: string): Promise<string | undefined> {
  const { tree } = await objects.readCommit(oid);
  const entry = (await objects.readTree(tree)).get(LIVE_FILE);
  return entry?.mode === '100644' ? (await objects.readBlob(entry.oid)).toString('utf8') : undefined;
}

/** Asks for a task's output. `interval`: how often it is asked anew, ms. */
export function writeFollow(side: SideRepository, name: string, interval: number, by: Author): Promise<string> {
  return side.writeCommit({
    files: new Map(),
    message: `follow ${name}\n\nMailboxd-Host: ${by.host}\nMailboxd-Interval: ${interval}ms\nMailboxd-Nonce: ${nonce()}`,
    identity: by.identity,
    now: by.now,
  });
}

function nonce(): string {
  return randomBytes(12).toString('hex');
}
