/**
 * Hidden names a message's file has for a moment, or while it is claimed. Each says enough for a later start to know
 * what to do with it. `who` is the process id (with start time) of the one who made it.
 *
 *   .claim~<who>~<take>~<name>          taken out of the inbox, claim not written yet
 *   .held~<take>~<size>~<mtime>~<name>  the original of a claimed message, as it was read
 *   .end~<who>~<successor>~<name>       taken out of the inbox for good, its end not in its folder yet
 *   .move~<who>~<successor>~<name>      replaced by a newer content, or (`<successor>` random) on its way to this folder
 *   .tmp~<pid>~<random>                 an unfinished write; never the only copy of anything
 *
 * `<successor>` names the file that takes its place (by inode number) and the state of this one that it was made from:
 * where the successor stands in some folder and nobody wrote here meanwhile, this one has done its work.
 */
export const CLAIM_PREFIX = '.claim~';
export const HELD_PREFIX = '.held~';
export const END_PREFIX = '.end~';
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

/** The parts of a `.claim~`, `.end~` or `.move~` name. */
export function parseTaken(
  entry: string,
): { kind: 'claim' | 'end' | 'move'; who: string; take: string; name: string } | undefined {
  const match = /^\.(claim|end|move)~([^~]+)~([a-z0-9]+)~([\s\S]+)$/.exec(entry);
  if (!match) return undefined;
  return {
    kind: match[1] as 'claim' | 'end' | 'move',
    who: match[2] ?? '',
    take: match[3] ?? '',
    name: match[4] ?? '',
  };
}

export interface Successor {
  /** Of the file that takes the place. */
  ino: bigint;
  /** Of the file that is replaced, as it was read. */
  size: bigint;
  mtimeNs: bigint;
}

/** The `<successor>` part of a name. */
export function formatSuccessor({ ino, size, mtimeNs }: Successor): string {
  return `i${ino}s${size}m${mtimeNs}`;
}

/** Undefined for a part that is random. */
export function parseSuccessor(text: string): Successor | undefined {
  const match = /^i(\d+)s(\d+)m(\d+)$/.exec(text);
  if (!match) return undefined;
  return { ino: BigInt(match[1] ?? 0), size: BigInt(match[2] ?? 0), mtimeNs: BigInt(match[3] ?? 0) };
}

/** Hidden files that this process is working with at the moment; what else carries its id was left by a failure. */
export const inUse = new Set<string>();
