/** The directories and attachments a task names, as they really are on this disk. */
import { realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { MailboxError } from '../core/errors.js';
import { type BoundedRequest, isBelow } from '../core/policy.js';
import { attachmentsDir } from '../store/paths.js';
import type { Refusal } from './decide.js';

/** Directories are bounded by where they really are, links resolved. */
export function checkDirs(request: BoundedRequest, allowed: string[]): Refusal | undefined {
  const asked = [request.options.working_dir, ...(request.options.add_dirs ?? [])].filter((dir) => dir !== undefined);
  for (const dir of asked) {
    let real: string;
    try {
      real = realpathSync(dir);
    } catch {
      return {
        message: `found no directory ${dir}`,
        hint: 'make it, or name another in options.working_dir or options.add_dirs',
      };
    }
    const bounds = allowed.map((bound) => realOf(bound));
    if (!isBelow(real, bounds)) {
      return {
        message: `${dir} leads to ${real}, which lies outside allow.dirs`,
        hint: 'name a directory below one of allow.dirs in .mailboxd/config.yaml',
      };
    }
  }
  return undefined;
}

function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

export function resolveAttachments(
  root: string,
  id: string,
  names: string[],
): { paths: string[] } | { refusal: Refusal } {
  if (names.length === 0) return { paths: [] };
  let dir: string;
  try {
    dir = realpathSync(attachmentsDir(root, id));
  } catch (error) {
    const reason = error instanceof MailboxError ? error.message : `there is no folder attachments/${id}`;
    return {
      refusal: {
        message: `it names attachments, but ${reason}`,
        hint: 'send it again with `mailboxd send --attach FILE`',
      },
    };
  }
  const paths: string[] = [];
  for (const name of names) {
    const path = realOf(join(dir, name));
    if (!isBelow(path, [dir]))
      return { refusal: { message: `the attachment ${JSON.stringify(name)} leads out of its folder` } };
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true)
      return {
        refusal: {
          message: `found no file ${JSON.stringify(name)} in attachments/${id}`,
          hint: 'send it again with `mailboxd send --attach FILE`',
        },
      };
    paths.push(path);
  }
  return { paths };
}
