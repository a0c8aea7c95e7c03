import { createHash } from 'node:crypto';

/** Git's blob id of `bytes`. `like`: any id of the same repository, whose length says which hash it uses. */
export function blobId(bytes: Uint8Array, like = ''): string {
  const hash = createHash(like.length === 64 ? 'sha256' : 'sha1');
  return hash.update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}
