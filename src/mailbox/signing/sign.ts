/** A message's bytes with its sender's signature in them. */
import { MailboxError } from '../../core/errors.js';
import { assembleMessage, parseMessage, type ParsedMessage } from '../../format/message.js';
import type { Root } from '../root.js';
import { payloadOf } from './payload.js';
import { signWithSsh } from './ssh-keygen.js';

/**
 * The text of the message in `text`, signed with the SSH key in the file `key`. Throws `invalid` where the message
 * lacks a field that must be signed, and what `signWithSsh` throws.
 */
export async function signMessage(root: Root, text: string, key: string, mayAsk: boolean): Promise<string> {
  const message = readSigned(root, assembleMessage(readSigned(root, text), { signature: undefined }));
  if (message.front.from === undefined) {
    throw new MailboxError(
      'invalid',
      'found no sender, expected one: a signature is checked against the keys of `from`',
      {
        hint: 'give --from NAME, set CLAUDE_ID, or set `as` in .mailboxd/config.yaml',
      },
    );
  }
  const payload = await payloadOf(root, message);
  const signed = assembleMessage(message, { signature: await signWithSsh(payload, key, mayAsk) });
  // What is read there must be what was signed here.
  if ((await payloadOf(root, readSigned(root, signed))) !== payload)
    throw new MailboxError('failed', 'the signed message reads otherwise than what was signed');
  return signed;
}

function readSigned(root: Root, text: string): ParsedMessage {
  return parseMessage(Buffer.from(text), root.config.key);
}
