/** What is new in a text that grows, and that may also be replaced by an edited or a cut one. Pure. */

/** Characters at the end of what was seen by which the place is found again in a text that was changed before it. */
const TAIL = 256;

export function newText(seen: string, now: string): string {
  if (now.startsWith(seen)) return now.slice(seen.length);
  const tail = seen.slice(-TAIL);
  const at = tail.trim() === '' ? -1 : now.lastIndexOf(tail);
  if (at !== -1) return now.slice(at + tail.length);
  // Changed where it was being written: from where the two part.
  let same = 0;
  while (same < seen.length && same < now.length && seen[same] === now[same]) same += 1;
  // Another run: its marker is one line, and not to be cut.
  const line = now.lastIndexOf('\n', same - 1) + 1;
  return now.slice(now.startsWith('<!-- ', line) ? line : same);
}
