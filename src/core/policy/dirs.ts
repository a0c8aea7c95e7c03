/**
 * Whether a directory lies within the allowed ones. By its text alone: the caller that has the file system resolves
 * links first and asks again with the real path, at the last moment before the run.
 */
import { isAbsolute, join, normalize, relative, sep } from 'node:path';

/** Whether absolute `path` is one of `dirs` or lies below one. `/srv/a/../b` counts as `/srv/b`, `/srv/ab` is not below `/srv/a`. */
export function isBelow(path: string, dirs: readonly string[]): boolean {
  if (!isAbsolute(path)) return false;
  return dirs.some((dir) => {
    if (!isAbsolute(dir)) return false;
    const rest = relative(normalize(dir), normalize(path));
    return rest === '' || (rest !== '..' && !rest.startsWith(`..${sep}`) && !isAbsolute(rest));
  });
}

/** `path` made plain: `~` replaced by `home`, `.` and `..` removed; undefined when it is not absolute then. */
export function absoluteDir(path: string, home: string | undefined): string | undefined {
  const isHome = path === '~' || path.startsWith('~/') || path.startsWith(`~${sep}`);
  const full = isHome && home !== undefined ? join(home, path.slice(1)) : path;
  return isAbsolute(full) ? normalize(full) : undefined;
}
