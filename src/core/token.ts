/**
 * Tokens prove that this host wrote a claim, a run or a result. Text in a prompt, or a file that a stranger delivers,
 * cannot carry a valid one: it is keyed with the host's secret and bound to the message and the claim's epoch.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

function mac(key: string, text: string): string {
  const digest = createHmac('sha256', key).update(text).digest();
  let out = '';
  for (const byte of digest.subarray(0, 20)) out += ALPHABET[byte & 31];
  return out;
}

function sameText(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

/** `<epoch>-<20 letters>`: the token of one claim. */
export function claimToken(key: string, id: string, epoch: number): string {
  return `${epoch}-${mac(key, `claim\n${id}\n${epoch}`)}`;
}

/** Whether this host made `token` for a claim of message `id`. */
export function isClaimToken(key: string, id: string, token: string): boolean {
  const epoch = /^(\d{1,9})-[a-z2-7]{20}$/.exec(token)?.[1];
  return epoch !== undefined && sameText(claimToken(key, id, Number(epoch)), token);
}

/** `r<nonce>-<20 letters>`: the token of a refusal, for files that may not even have an id. */
export function refusalToken(key: string, nonce: string): string {
  return `r${nonce}-${mac(key, `refused\n${nonce}`)}`;
}

export function isRefusalToken(key: string, token: string): boolean {
  const nonce = /^r([a-z0-9]{1,32})-[a-z2-7]{20}$/.exec(token)?.[1];
  return nonce !== undefined && sameText(refusalToken(key, nonce), token);
}
