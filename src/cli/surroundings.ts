/** The surroundings of one call of a command, made from its process. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { defaultSender, findRoot, readRoot, type Root } from '../mailbox/root.js';
import type { Cli } from './command.js';
import type { Io } from './io.js';
import { painter, safeText } from './terminal-text.js';

export function createCli(io: Io, given: { root?: string | undefined; json: boolean }): Cli {
  let root: Root | undefined;
  const paint = painter(io.isTTY.stdout && !io.env['NO_COLOR']);
  const rootDir = (): string => findRoot(given.root, io.cwd, io.env);
  const readOnce = (): Root => (root ??= readRoot(rootDir()));
  return {
    io,
    json: given.json,
    rootDir,
    root: readOnce,
    async desk() {
      const { openMailboxes } = await import('../mailbox/open.js');
      return openMailboxes(rootDir());
    },
    reference(text) {
      const path = resolve(io.cwd, text);
      return /[/\\]|\.md$/.test(text) && existsSync(path) ? path : text;
    },
    sender: (name) => name ?? defaultSender(readOnce(), io.env),
    line: (text) => void io.stdout.write(`${text}\n`),
    text: (piece) => void io.stdout.write(io.isTTY.stdout ? safeText(piece) : piece),
    note: (text) => void io.stderr.write(`${text}\n`),
    data: (value) => void io.stdout.write(`${JSON.stringify(value, null, io.isTTY.stdout ? 2 : undefined)}\n`),
    dataLine: (value) => void io.stdout.write(`${JSON.stringify(value)}\n`),
    paint,
  };
}
