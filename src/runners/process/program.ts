import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';

/**
 * The path of the program that `name` starts: a path is taken as it is (from `cwd`), a bare name is looked up on the
 * PATH of `environment`. Undefined when there is none that this user may run.
 */
export function findProgram(name: string, environment: NodeJS.ProcessEnv, cwd = process.cwd()): string | undefined {
  const windows = process.platform === 'win32';
  const endings = windows ? ['', ...(environment['PATHEXT'] ?? '.EXE;.CMD;.BAT').split(';')] : [''];
  const path = environment['PATH'] ?? environment['Path'] ?? '';
  const bare = !isAbsolute(name) && !name.includes('/') && !(windows && name.includes('\\'));
  const places = bare ? path.split(delimiter).filter((folder) => folder !== '') : [cwd];
  for (const place of places) {
    for (const ending of endings) {
      const file = bare ? join(place, name + ending) : resolve(place, name + ending);
      if (isRunnable(file)) return file;
    }
  }
  return undefined;
}

function isRunnable(file: string): boolean {
  try {
    // Most places on a PATH do not have it: that must cost no thrown error.
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return false;
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
