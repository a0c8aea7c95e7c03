/** Names that are safe as a path on Linux, macOS and Windows. Pure; a name is never trusted before it went through here. */

const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** A mailbox's or instance's name: 1 to 64 of `a-z A-Z 0-9 . _ -`, beginning with a letter or digit, not ending in a dot. */
export function isMailboxName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name) && !name.endsWith('.') && !RESERVED.test(name);
}

/** A message id: 1 to 64 of `a-z A-Z 0-9 _ -`, beginning with a letter or digit. New ones are UUID v7. */
export function isMessageId(id: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(id) && !RESERVED.test(id);
}

/** Whether a directory entry can be a message by its name alone: `*.md`, not hidden, not a temporary name. */
export function isMessageFileName(name: string): boolean {
  return name.endsWith('.md') && !name.startsWith('.') && name.length > 3;
}

/** Lower-case words joined by hyphens, at most `max` characters, of a subject or a first line; `message` when none is left. */
export function slugOf(text: string, max = 48): string {
  const words = text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  const cut = words.length <= max ? words : words.slice(0, max).replace(/-[^-]*$/, '');
  return cut || 'message';
}

/** `2026-11-20-scrape-latest-rss-feeds-3f9k.md`. `suffix`: a few random letters or digits. */
export function fileNameOf(subject: string, created: Date, suffix: string): string {
  return `${created.toISOString().slice(0, 10)}-${slugOf(subject)}-${suffix}.md`;
}

/** `x.md` → `x-<suffix>.md`, cut so that the name stays within 255 bytes: for a name that is taken already. */
export function renamedFor(name: string, suffix: string): string {
  let stem = name.endsWith('.md') ? name.slice(0, -3) : name;
  const tail = `-${suffix}.md`;
  while (Buffer.byteLength(stem) + tail.length > 255) stem = [...stem].slice(0, -1).join('');
  return stem + tail;
}
