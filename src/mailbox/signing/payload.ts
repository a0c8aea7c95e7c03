/** What the signature of a message file covers, the content of its attachments included: a changed file is a changed message. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { MailboxError, systemCode } from '../../core/errors.js';
import { signedPayload, type AttachmentDigest } from '../../core/signature.js';
import type { ParsedMessage } from '../../format/message.js';
import { attachmentsDir } from '../../store/paths.js';
import type { Root } from '../root.js';

/** Throws `invalid` for a message that no signature can cover, and where an attachment is not there. */
export async function payloadOf(root: Root, { front, ownText }: ParsedMessage): Promise<string> {
  const digests = await digestAttachments(root.dir, String(front.id), front.attachments ?? []);
  return signedPayload(front, ownText, digests);
}

async function digestAttachments(root: string, id: string, names: readonly string[]): Promise<AttachmentDigest[]> {
  const digests: AttachmentDigest[] = [];
  for (const name of names) digests.push({ name, sha256: await digestOne(attachmentsDir(root, id), name) });
  return digests;
}

async function digestOne(folder: string, name: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    const dir = await realpath(folder);
    const path = await realpath(join(dir, name));
    if (!path.startsWith(dir + sep))
      throw new MailboxError('invalid', `the attachment ${name} leads out of its folder`);
    await pipeline(createReadStream(path), hash);
  } catch (error) {
    if (error instanceof MailboxError) throw error;
    const found = systemCode(error) ?? 'it cannot be read';
    throw new MailboxError('invalid', `cannot read the attachment ${JSON.stringify(name)} (${found})`, {
      hint: 'send the message again with `mailboxd send --attach FILE --sign`',
      cause: error,
    });
  }
  return hash.digest('hex');
}
