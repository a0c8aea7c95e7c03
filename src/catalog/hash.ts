/**
 * A 64-bit hash of short texts, in two 32-bit halves, with seeds of this process's own so that nobody can prepare
 * names that collide. Not for anything that must hold against someone who knows the seeds.
 */
import { randomBytes } from 'node:crypto';

const seeds = new Uint32Array(new Uint8Array(randomBytes(8)).buffer);
const SEED_A = (seeds[0] ?? 0) | 0;
const SEED_B = (seeds[1] ?? 0) | 0;

/** The halves of the text that was hashed last; kept here, since a result object for each name would be garbage. */
export const hashed = { a: 0, b: 0 };

/** Hashes up to three texts as one; `('ab', 'c')` and `('a', 'bc')` differ. */
export function hashText(first: string, second?: string, third?: string): void {
  let a = SEED_A;
  let b = SEED_B;
  for (let part = 0; part < 3; part++) {
    const text = part === 0 ? first : part === 1 ? second : third;
    if (text === undefined) break;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i) + 1;
      a = Math.imul(a ^ code, 0x9e3779b1);
      a ^= a >>> 15;
      b = Math.imul(((b << 7) | (b >>> 25)) ^ code, 0x85ebca6b);
    }
    a = Math.imul(a ^ 0x10000, 0x9e3779b1);
    b = Math.imul(b ^ 0x20000, 0x85ebca6b);
  }
  hashed.a = mix(a ^ (b >>> 16)) >>> 0;
  hashed.b = mix(b ^ (a >>> 13)) >>> 0;
}

function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
