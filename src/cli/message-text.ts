/** Where a text comes from: an argument, a file, or standard input. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { MailboxError, systemCode } from '../core/errors.js';
import { decodeText } from '../format/message.js';
import type { Cli } from './command.js';
import { readAll } from './io.js';

/** Throws `usage` when it is given twice or not at all, `not_found` or `unavailable` for a file, `invalid` for no UTF-8. */
export async function readMessageText(cli: Cli, text: string | undefined, file: string | undefined): Promise<string> {
  if (text !== undefined && file !== undefined) {
    throw new MailboxError('usage', 'found a text and --file, expected one of them');
  }
  if (file !== undefined && file !== '-') return decodeText(readFile(resolve(cli.io.cwd, file)));
  if (text !== undefined && text !== '-') return text;
  if (cli.io.isTTY.stdin && text !== '-' && file !== '-') {
    throw new MailboxError('usage', 'found no text, expected one', {
      hint: 'write it as the last argument, name a file with --file, or pipe it in',
    });
  }
  return decodeText(await readAll(cli.io.stdin));
}

export function readFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const missing = systemCode(cause) === 'ENOENT';
    throw new MailboxError(
      missing ? 'not_found' : 'unavailable',
      missing ? `found no file ${path}` : `${path} cannot be read: ${systemCode(cause)}`,
      { cause },
    );
  }
}
