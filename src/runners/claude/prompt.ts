/**
 * Text from a message is only text. The CLI would run a leading `/clear` as a command, and reads a file that is
 * mentioned as `@path` into the conversation without asking, even where its Read tool would be refused. So a leading
 * slash gets a space before it, and so does the path of a mention that leads out of the task's directories.
 * (Observed with 2.1.197.)
 */
import { realpathSync } from 'node:fs';
import { isAbsolute, relative, resolve } from 'node:path';

/** `dirs`: the working directory first, then every other that the task may read. */
export function plainText(text: string, dirs: readonly string[]): string {
  const guarded = text.replace(/@("[^"\n]*"?|[^\s"]+)/g, (mention, target: string) =>
    staysWithin(target.replace(/^"|"$/g, ''), dirs) ? mention : `@ ${target}`,
  );
  return guarded.startsWith('/') ? ` ${guarded}` : guarded;
}

function staysWithin(path: string, dirs: readonly string[]): boolean {
  if (/^[~\\]|^[A-Za-z]:/.test(path)) return false;
  const target = resolve(dirs[0] ?? '/', path);
  return dirs.some((dir) => isBelow(target, dir)) && dirs.some((dir) => isBelow(real(target), real(dir)));
}

function isBelow(path: string, dir: string): boolean {
  const rest = relative(dir, path);
  return rest === '' || (!rest.startsWith('..') && !isAbsolute(rest));
}

/** Symlinks resolved; what does not exist cannot be read either. The line range of a mention is not part of its path. */
function real(path: string): string {
  for (const candidate of [path, path.replace(/#.*$/, ''), path.replace(/\W+$/, '')]) {
    try {
      return realpathSync(candidate);
    } catch {
      continue;
    }
  }
  return path;
}
