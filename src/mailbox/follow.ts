/**
 * Following a message from any process to its end, wherever it runs: by its file, and on a root with a remote by what
 * other hosts send too.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from '../core/message.js';
import type { Desk } from './find.js';
import { followFile, type FollowEvent, type FollowOptions } from './follow-file.js';

export type { FollowEvent };

/** Ends with `end` or `gone`, or when the signal fires. Starts at the file's current end, or with the first recorded run. */
export async function* followMessage(
  desk: Desk,
  record: Place & { id: string },
  options: FollowOptions,
): AsyncIterable<FollowEvent> {
  const { dir, config } = desk.root;
  if (config.remote === undefined || !existsSync(join(dir, '.git'))) return yield* followFile(desk, record, options);
  const { followWithRemote } = await import('./follow-remote.js');
  yield* followWithRemote(desk, record, options, config.remote);
}
