/**
 * Hidden names a message's file has for a moment, or while it is claimed. Each says enough for a later start to know
 * what to do with it. `who` is the process id (with start time) of the one who made it.
 *
 *   .claim~<who>~<take>~<name>          taken out of the inbox, claim not written yet
 *   .held~<take>~<size>~<mtime>~<name>  the original of a claimed message, as it was read
 *   .move~<who>~<random>~<name>         on its way to this folder, or replaced by a newer content in it
 *   .tmp~<pid>~<random>                 an unfinished write; never the only copy of anything
 */
export const CLAIM_PREFIX = '.claim~';
export const HELD_PREFIX = '.held~';
export const MOVE_PREFIX = '.move~';

/** `prefix` and `name` as one file name of at most 255 bytes; a name that is too long loses its end before `.md`. */
export function hiddenName(prefix: string, name: string): string {
  const full = prefix + name;
  if (Buffer.byteLength(full) <= 255) return full;
  let stem = name.slice(0, -3);
  while (Buffer.byteLength(`${prefix}${stem}.md`) > 255) stem = [...stem].slice(0, -1).join('');
  return `${prefix}${stem}.md`;
}

export interface HeldName {
  take: string;
  size: bigint;
  mtimeNs: bigint;
  name: string;
}

export function parseHeld(entry: string): HeldName | undefined {
  const match = /^\.held~([a-z0-9]+)~(\d+)~(\d+)~([\s\S]+)$/.exec(entry);
  if (!match) return undefined;
  return { take: match[1] ?? '', size: BigInt(match[2] ?? 0), mtimeNs: BigInt(match[3] ?? 0), name: match[4] ?? '' };
}

/** The parts of a `.claim~` or `.move~` name. */
export function parseTaken(
  entry: string,
): { kind: 'claim' | 'move'; who: string; take: string; name: string } | undefined {
  const match = /^\.(claim|move)~([^~]+)~([a-z0-9]+)~([\s\S]+)$/.exec(entry);
  if (!match) return undefined;
  return { kind: match[1] as 'claim' | 'move', who: match[2] ?? '', take: match[3] ?? '', name: match[4] ?? '' };
}
