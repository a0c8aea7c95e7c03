/** What a bare repository was sent, noted by a hook of its own: `<old id> <new id> <ref>` for each ref of each push. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export function notePushes(bare: string): (pattern: RegExp) => string[] {
  const log = join(bare, 'pushed');
  mkdirSync(join(bare, 'hooks'), { recursive: true });
  writeFileSync(join(bare, 'hooks', 'post-receive'), '#!/bin/sh\nexec cat >> pushed\n', { mode: 0o755 });
  return (pattern) =>
    (existsSync(log) ? readFileSync(log, 'utf8') : '').split('\n').filter((line) => line !== '' && pattern.test(line));
}
