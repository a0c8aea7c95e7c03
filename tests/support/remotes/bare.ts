import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { testdir } from '../testdir.js';
import { gitEnvironment } from './git.js';

export interface BareOptions {
  /** Take nothing outside refs/heads and refs/tags, and refuse the whole push that holds such a ref, as some hosts do. */
  refuseRefsOutside?: boolean;
}

/** A repository without a working tree, on a path. */
export interface BareRemote {
  /** What git is told as the remote: here the folder itself. */
  url: string;
  /** The repository's folder, for tests that look into the remote. */
  dir: string;
}

const REFUSE_OUTSIDE = `#!/bin/sh
while read -r old new ref; do
  case $ref in
    refs/heads/* | refs/tags/*) ;;
    *) echo "this host takes nothing outside refs/heads and refs/tags, and found $ref" >&2; exit 1 ;;
  esac
done
`;

/** Makes an empty bare repository with the branch main in a folder of its own. */
export function bareRemote(options: BareOptions = {}): BareRemote {
  const top = testdir({ 'home/': '' });
  const dir = join(top, 'remote.git');
  const git = (...args: string[]): void => {
    execFileSync('git', args, { cwd: top, env: gitEnvironment(join(top, 'home')), stdio: 'pipe', timeout: 20_000 });
  };
  git('init', '-q', '--bare', '-b', 'main', dir);
  git('-C', dir, 'config', 'http.receivepack', 'true');
  // What tidies up after a push ends with the push; in the background it would outlive the test.
  git('-C', dir, 'config', 'gc.autoDetach', 'false');
  git('-C', dir, 'config', 'maintenance.autoDetach', 'false');
  if (options.refuseRefsOutside) {
    writeFileSync(join(dir, 'hooks/pre-receive'), REFUSE_OUTSIDE, { mode: 0o755 });
  }
  return { url: dir, dir };
}
