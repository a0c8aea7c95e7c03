/** Writing a message file from fields and delivering it. */
import { mkdirSync, copyFileSync, constants } from 'node:fs';
import { basename, join } from 'node:path';
import type { Clock } from '../core/clock.js';
import { MailboxError } from '../core/errors.js';
import type { MessageFields, Place } from '../core/message.js';
import { fileNameOf, isMailboxName } from '../core/names.js';
import { assembleMessage, decodeText, MAX_MESSAGE_BYTES } from '../format/message.js';
import { splitFrontMatter, readFields } from '../format/front-matter.js';
import { describeProblems, validateMessageFields } from '../schema/index.js';
import { deliverFile, makeMailbox } from '../store/deliver.js';
import { diskFault, randomSuffix } from '../store/durable.js';
import { listMailboxes } from '../store/list.js';
import { attachmentsDir } from '../store/paths.js';
import { subjectOf } from './record.js';
import type { Root } from './root.js';

export interface Draft {
  to: string;
  /** The text, with or without front matter of its own; `fields` win over that. */
  text: string;
  fields?: MessageFields;
  /** Paths of files to send along. */
  attach?: string[];
  /** The SSH key's file to sign it with; else `sign` of the configuration, `false` for neither. */
  sign?: string | false;
  /** Whether a person is there who can type the key's passphrase. */
  mayAsk?: boolean;
}

export interface Sent {
  id: string;
  place: Place;
  /** Whether this was the first message to a mailbox that did not exist. */
  created_mailbox: boolean;
}

/** The order in which fields are written; the rest follows. */
const ORDER = ['id', 'type', 'from', 'to', 'subject', 'priority', 'created'];

function ordered(fields: Record<string, unknown>): Record<string, unknown> {
  const keys = [
    ...ORDER.filter((key) => fields[key] !== undefined),
    ...Object.keys(fields).filter((key) => !ORDER.includes(key)),
  ];
  return Object.fromEntries(keys.map((key) => [key, fields[key]]));
}

/** Delivers a message and returns when it is durable. Throws `invalid` for fields, `refused` for an unknown mailbox. */
export async function sendMessage(root: Root, clock: Clock, draft: Draft): Promise<Sent> {
  if (!isMailboxName(draft.to)) {
    throw new MailboxError('invalid', `found the mailbox name ${JSON.stringify(draft.to.slice(0, 80))}`, {
      hint: 'a name is 1 to 64 letters, digits, dots, underscores or hyphens, and begins with a letter or digit',
    });
  }
  const known = listMailboxes(root.dir).includes(draft.to);
  if (!known && !root.config.create_mailboxes) {
    throw new MailboxError('refused', `there is no mailbox ${draft.to}`, {
      hint: `there are: ${listMailboxes(root.dir).join(', ') || 'none'}; create_mailboxes in .mailboxd/config.yaml lets a first send make one`,
    });
  }
  const text = decodeText(Buffer.from(draft.text));
  if (Buffer.byteLength(text) > MAX_MESSAGE_BYTES) {
    throw new MailboxError(
      'invalid',
      `found a text of ${Buffer.byteLength(text)} bytes, expected at most ${MAX_MESSAGE_BYTES}`,
      {
        hint: 'send large data as an attachment',
      },
    );
  }
  const split = splitFrontMatter(text);
  const own = split.block === undefined ? {} : readFields(split.block);
  const given = Object.fromEntries(Object.entries(draft.fields ?? {}).filter(([, value]) => value !== undefined));
  const created = new Date(clock.now()).toISOString();
  const id = given['id'] ?? own['id'] ?? clock.newId();
  const fields: Record<string, unknown> = { type: 'task', created, ...own, ...given, id, to: draft.to };
  if (draft.attach?.length) fields['attachments'] = copyAttachments(root.dir, String(id), draft.attach);
  const problems = validateMessageFields(fields);
  if (problems.length > 0) {
    throw new MailboxError('invalid', `the message cannot be sent: ${describeProblems(problems)}`, {
      hint: 'docs/messages.md lists every field',
    });
  }
  const subject = subjectOf(fields, split.body);
  if (subject === '' && split.body.trim() === '') {
    throw new MailboxError('invalid', 'found an empty message, expected a text', {
      hint: 'give a text, --file FILE, or pipe one in',
    });
  }
  const changes = Object.fromEntries(Object.entries(ordered(fields)).filter(([key, value]) => own[key] !== value));
  const unsigned = assembleMessage({ split, ownText: split.body, recorded: '' }, changes);
  const key = draft.sign ?? root.config.sign;
  const bytes = key ? await signed(root, unsigned, key, draft.mayAsk === true) : unsigned;
  if (!known) makeMailbox(root.dir, draft.to);
  const name = fileNameOf(subject, new Date(clock.now()), randomSuffix().slice(0, 4));
  const place = await deliverFile(root.dir, { mailbox: draft.to, state: 'inbox', name }, bytes);
  return { id: String(id), place, created_mailbox: !known };
}

/** Loaded when it is first needed: most messages are sent without. */
async function signed(root: Root, text: string, key: string, mayAsk: boolean): Promise<string> {
  const { signMessage } = await import('./signing/sign.js');
  return signMessage(root, text, key, mayAsk);
}

function copyAttachments(root: string, id: string, paths: string[]): string[] {
  const dir = attachmentsDir(root, id);
  return paths.map((path) => {
    const name = basename(path);
    try {
      mkdirSync(dir, { recursive: true });
      copyFileSync(path, join(dir, name), constants.COPYFILE_EXCL);
    } catch (error) {
      throw diskFault(error, `attaching ${path}`);
    }
    return name;
  });
}
