/**
 * What a signature of a message covers, as one text that signer and verifier make alike:
 *
 *     mailboxd-message-v1
 *     fields {"created":"…","from":"laptop","id":"…","to":"server","type":"task",…}
 *     text sha256 <of the own text, byte for byte>
 *     attachment "report.pdf" sha256 <of the file>          one line for each, in the order of the field
 *
 * Fields are all of the front matter but the engine's and `signature`, with sorted keys and their values as read, so
 * comments, key order and quoting may change. What the engine writes later is in none of these lines.
 */
import { createHash } from 'node:crypto';
import { MailboxError } from './errors.js';
import { ENGINE_FIELDS } from './message.js';

/** The `-n` of `ssh-keygen -Y`: a signature made for another purpose is none for a message. */
export const SIGNATURE_NAMESPACE = 'mailboxd';
export const SIGNED_FORM = 'mailboxd-message-v1';
/** Without one of these a signature would say too little: who, to whom, what, and when. */
export const BOUND_FIELDS = ['id', 'to', 'from', 'created', 'type'] as const;

const LEFT_OUT: ReadonlySet<string> = new Set([...ENGINE_FIELDS, 'signature']);
const BEGIN = '-----BEGIN SSH SIGNATURE-----';
const END = '-----END SSH SIGNATURE-----';

export interface AttachmentDigest {
  name: string;
  /** Lower-case hex. */
  sha256: string;
}

/**
 * The text that is signed. Throws `invalid` for fields that cannot be: one of `BOUND_FIELDS` is missing, or a number
 * is infinite.
 */
export function signedPayload(
  front: Record<string, unknown>,
  ownText: string,
  attachments: readonly AttachmentDigest[],
): string {
  const missing = BOUND_FIELDS.filter((field) => typeof front[field] !== 'string' || front[field] === '');
  if (missing.length > 0) {
    throw new MailboxError('invalid', `found no ${missing.join(', ')}, expected ${BOUND_FIELDS.join(', ')}`, {
      hint: 'a signed message says who sent what to whom, and when; `mailboxd send --sign` writes all of them',
    });
  }
  const fields = Object.fromEntries(
    Object.entries(front).filter(([key, value]) => !LEFT_OUT.has(key) && value !== undefined),
  );
  const text = createHash('sha256').update(ownText).digest('hex');
  const files = attachments.map(({ name, sha256 }) => `attachment ${JSON.stringify(name)} sha256 ${sha256}\n`);
  return `${SIGNED_FORM}\nfields ${canonicalJson(fields)}\ntext sha256 ${text}\n${files.join('')}`;
}

/** JSON without spaces, keys sorted by their UTF-16 code units. Throws `invalid` for a number JSON has no word for. */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new MailboxError('invalid', `found the number ${value}, expected one that JSON can write`, {
      hint: 'write it as text, in quotes',
    });
  }
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const record = value as Record<string, unknown>;
  const pairs = Object.keys(record)
    .filter((key) => record[key] !== undefined)
    .toSorted()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(record[key])}`);
  return `{${pairs.join(',')}}`;
}

/** The base64 of an armoured signature, which is what the field holds: one line that no editor folds or indents. */
export function signatureBody(text: string): string {
  return text.replace(BEGIN, '').replace(END, '').replace(/\s+/g, '');
}

/** The file that ssh-keygen reads, from a signature's base64 or its whole armour; undefined when it is neither. */
export function armourSignature(text: string): string | undefined {
  const body = signatureBody(text);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(body)) return undefined;
  return `${BEGIN}\n${(body.match(/.{1,70}/g) ?? []).join('\n')}\n${END}\n`;
}
