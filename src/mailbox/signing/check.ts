/**
 * Whether a waiting message may be run for its signature's sake. Three steps around the claim:
 *
 * 1. `checkSignature`, before the file is taken, since ssh-keygen takes its time: what the bytes that stand there say.
 * 2. `judgeSignature`, once it is taken and its bytes are known: for other bytes than were checked, it is done again.
 * 3. `noteSigned`, once the claim stands on the disk: from then on a recorded copy is a replay.
 *
 * Where nothing is required and no allowed-signers file is there, step 1 returns undefined without a look at the file.
 */
import { formatDuration } from '../../core/duration.js';
import { MailboxError } from '../../core/errors.js';
import type { FrontMatter, Place } from '../../core/message.js';
import { MAX_MESSAGE_BYTES, parseMessage, type ParsedMessage } from '../../format/message.js';
import { diskFault, readRegular, syncFolder } from '../../store/durable.js';
import { messagePath, stateDir } from '../../store/paths.js';
import type { Root } from '../root.js';
import { allowedSignersOf, isRequired, signatureGate, type AllowedSigners } from './gate.js';
import { payloadOf } from './payload.js';
import { CLOCK_ROOM, provenEpoch } from './seen.js';

export interface SignatureRefusal {
  code: 'refused';
  message: string;
  hint: string;
  /** Set for a replay: nothing may be written into it that would prove later that this host knew it. */
  unsealed?: true;
}

export interface SignatureCheck {
  /** What was checked; empty when no file was there. */
  bytes: Buffer;
  place: Place;
  /** The message's own id, when it has a signature that holds. */
  signedId: string | undefined;
  /** The highest epoch that this host's tokens in it prove; -1 for one that was just sent. */
  epoch: number;
  /** Why it may not be run; undefined when it may, and for bytes that are no message at all. */
  refusal: SignatureRefusal | undefined;
}

/**
 * `now`: ms since 1970. `isVouched`: it was claimed as main has it, so that what workers of other hosts wrote into it
 * counts as theirs. Throws `unavailable` when a signature cannot be checked here, which is not the message's fault.
 */
export async function checkSignature(
  root: Root,
  place: Place,
  now: number,
  isVouched = false,
): Promise<SignatureCheck | undefined> {
  const signers = allowedSignersOf(root);
  if (root.config.signatures.require === false && !signers.stamp) return undefined;
  const check: SignatureCheck = { bytes: Buffer.alloc(0), place, signedId: undefined, epoch: -1, refusal: undefined };
  let message: ParsedMessage;
  try {
    const read = readRegular(messagePath(root.dir, place), MAX_MESSAGE_BYTES * 4);
    if (!read) return check;
    check.bytes = read.bytes;
    message = parseMessage(read.bytes, root.config.key, { trustFields: isVouched });
  } catch (error) {
    if (error instanceof MailboxError && error.code === 'invalid') return check; // the claim finds the same, and says so
    throw error;
  }
  const { front } = message;
  check.epoch = provenEpoch(front, root.config.key);
  if (isVouched && Number.isSafeInteger(front.epoch)) check.epoch = Math.max(check.epoch, front.epoch ?? -1);
  const required = isRequired(root.config.signatures, front.from);
  if (typeof front.signature !== 'string' || (!required && !signers.stamp)) {
    if (required) check.refusal = unsigned(front);
    return check;
  }
  check.refusal =
    (await verify(root, message, front.signature, signers)) ??
    (required ? misplaced(front, place) : undefined) ??
    // What was claimed here once may be run again later; what was only refused is as old as it is.
    (check.epoch < 1 ? outOfDate(root, front, now) : undefined);
  if (check.refusal === undefined) check.signedId = front.id;
  return check;
}

/**
 * The same for the bytes that were taken: a refusal, `again` where they are not those that were checked, or undefined.
 * `isCopy`: another message here has its id.
 */
export function judgeSignature(
  root: Root,
  check: SignatureCheck,
  bytes: Buffer,
  isCopy: boolean,
): SignatureRefusal | 'again' | undefined {
  if (!check.bytes.equals(bytes)) return 'again';
  if (check.refusal) return check.refusal;
  if (check.signedId === undefined) return undefined;
  const seen = signatureGate(root).seen.epochOf(check.signedId);
  if (!isCopy && (seen === undefined || check.epoch >= seen)) return undefined;
  const found = isCopy ? 'another message here has that id' : 'a message with that id was run here before';
  const refusal = refuse(
    `Found the signed message ${check.signedId} again (replayed): ${found}, expected each signed message once`,
    'move the finished file itself back to inbox/ to run it again, or send a new message, which gets an id of its own',
  );
  // A copy gets an id of its own, which its signature does not cover; what has the old one must not get a seal.
  return isCopy ? refusal : { ...refusal, unsealed: true };
}

/**
 * To be called once a run's claim (or an answer that needs no run) is in its place. `epoch`: that of the claim. Returns
 * a fault that kept the note from the disk; this process knows the id all the same.
 */
export async function noteSigned(
  root: Root,
  check: SignatureCheck,
  epoch: number | undefined,
  now: number,
): Promise<MailboxError | undefined> {
  if (check.signedId === undefined) return undefined;
  try {
    // Were the note on the disk and the claim not, after a power cut the message itself would pass for its replay.
    await syncFolder(stateDir(root.dir, check.place.mailbox, 'in_progress'));
    signatureGate(root).seen.note(check.signedId, Math.max(0, epoch ?? check.epoch), now);
    return undefined;
  } catch (error) {
    return diskFault(error, 'noting a signed message');
  }
}

async function verify(
  root: Root,
  message: ParsedMessage,
  signature: string,
  signers: AllowedSigners,
): Promise<SignatureRefusal | undefined> {
  const { from = '' } = message.front;
  let payload: string;
  try {
    payload = await payloadOf(root, message);
  } catch (error) {
    if (!(error instanceof MailboxError)) throw error;
    return refuse(`The signature cannot hold: ${error.message}`, error.hint ?? 'sign and send the message again');
  }
  if (!signers.stamp) {
    throw new MailboxError(
      'unavailable',
      `found no file ${signers.path}, expected the keys that may sign for ${from}`,
      {
        hint: `write it, one line for each key: ${from} namespaces="mailboxd" ssh-ed25519 AAAA…`,
      },
    );
  }
  const verdict = await signatureGate(root).verify(payload, signature, from, signers);
  if (verdict.kind === 'good') return undefined;
  if (verdict.kind === 'stranger') {
    return refuse(
      `Found a signature by the ${verdict.key}, expected one by a key that may sign for ${from}`,
      `if the key is ${from}'s, add it to ${signers.path} on ${root.config.host} and move the message back to inbox/; else do not run it`,
    );
  }
  return refuse(
    'Found a signature that does not fit the message: its fields, its text or an attachment was altered after it was signed',
    'have the sender send it again; to change a message, change the original and sign that',
  );
}

function unsigned(front: FrontMatter): SignatureRefusal {
  const from = front.from ?? 'unknown';
  return refuse(
    `Found no signature, expected one by a key of ${from}: this host requires it (signatures.require)`,
    'send it again with `mailboxd send --sign ~/.ssh/id_ed25519`, or sign every message with `sign` in .mailboxd/config.yaml',
  );
}

function misplaced({ to }: FrontMatter, { mailbox }: Place): SignatureRefusal | undefined {
  if (to === mailbox) return undefined;
  return refuse(
    `Found a message signed for ${to} in the mailbox ${mailbox}, expected it in ${to}`,
    `a signature holds for one mailbox: move it to ${to}, or have its sender send it to ${mailbox}`,
  );
}

function outOfDate(
  root: Root,
  { created = '', not_before: later = '' }: FrontMatter,
  now: number,
): SignatureRefusal | undefined {
  const { max_age: most } = root.config.signatures;
  if (most === undefined) return undefined;
  const written = Date.parse(created);
  if (!(written <= now + CLOCK_ROOM)) {
    return refuse(
      `Found a message signed at ${created}, which is in the future here, expected at most ${formatDuration(CLOCK_ROOM)}`,
      'set the clocks of both machines, and send it again',
    );
  }
  const age = now - Math.max(written, Date.parse(later) || 0);
  if (age <= most) return undefined;
  return refuse(
    `Found a signature that has expired: the message is ${formatDuration(age)} old, expected at most ${formatDuration(most)} (signatures.max_age)`,
    'have it sent again, or let max_age be longer where messages wait that long',
  );
}

function refuse(message: string, hint: string): SignatureRefusal {
  return { code: 'refused', message, hint };
}
