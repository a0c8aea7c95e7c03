/** What was set aside of a message: the output of a run that lost its lease, or whose message was deleted meanwhile. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isMessageId } from '../core/names.js';
import { hostDir } from '../store/paths.js';

/** Absolute paths of `.mailboxd/kept/<id>-<epoch>….md`, by name. */
export function listKept(root: string, id: string): string[] {
  if (!isMessageId(id)) return [];
  const dir = join(hostDir(root), 'kept');
  let names: string[];
  try {
    names = readdirSync(dir);
  } catch {
    return []; // nothing was ever kept
  }
  const isOf = (name: string): boolean =>
    name.startsWith(`${id}-`) && /^\d+(-[a-z0-9]+)?\.md$/.test(name.slice(id.length + 1));
  return names
    .filter(isOf)
    .toSorted()
    .map((name) => join(dir, name));
}
