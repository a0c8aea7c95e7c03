/** One message, whole: its fields, its own text, what was recorded, and its answer. */
import type { CatalogRecord } from '../catalog/index.js';
import { MailboxError } from '../core/errors.js';
import type { FrontMatter } from '../core/message.js';
import { readAnswer } from '../format/answer.js';
import { parseMessage, resultText } from '../format/message.js';
import { messagePath } from '../store/paths.js';
import type { Desk } from './find.js';
import { nameOf } from './find.js';
import { readPlace } from './locate.js';

export interface MessageView {
  record: CatalogRecord;
  /** Absolute path of the file. */
  path: string;
  /** Undefined for a file that cannot be read as a message; `problem` then says why. */
  fields: FrontMatter | undefined;
  problem: string | undefined;
  /** What the sender wrote. */
  text: string;
  /** What the runs recorded below it. */
  recorded: string;
  result: string | undefined;
  /** The answer's value, where it is JSON (`output_schema`); `result` is then its text. */
  structured_output?: unknown;
}

export function showMessage(desk: Desk, record: CatalogRecord): MessageView {
  const bytes = readPlace(desk.root.dir, record);
  if (!bytes)
    throw new MailboxError('not_found', `${nameOf(record)} is not there any more`, {
      hint: `look again: mailboxd show ${record.id}`,
    });
  const path = messagePath(desk.root.dir, record);
  try {
    const message = parseMessage(bytes, desk.root.config.key, { trustFields: true });
    const section = resultText(message);
    return {
      record,
      path,
      fields: message.front,
      problem: undefined,
      text: message.ownText,
      recorded: message.recorded,
      ...(section === undefined ? { result: undefined } : readAnswer(section)),
    };
  } catch (error) {
    if (!(error instanceof MailboxError)) throw error;
    return {
      record,
      path,
      fields: undefined,
      problem: error.message,
      text: new TextDecoder().decode(bytes),
      recorded: '',
      result: undefined,
    };
  }
}
