/**
 * Which paths travel, and which a synced tree may put into the working folders. What arrives by git is a stranger's
 * until proven otherwise: a name that leads elsewhere, means something to git, or is one of the store's own hidden
 * names is never written and never published.
 */

/** The folders below a root that the exchange carries. */
export const SYNCED = ['mailboxes', 'attachments', 'threads', 'pipelines', 'templates'] as const;

const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;
/** Deepest path, folders and file name together. */
const DEEPEST = 8;

export function isSyncedFolder(name: string): boolean {
  return (SYNCED as readonly string[]).includes(name);
}

/** Whether a file or folder of this name travels: nothing hidden but `.gitkeep`, nothing that is `.git` on some system. */
export function isSyncedName(name: string): boolean {
  if (name === '' || Buffer.byteLength(name) > 255) return false;
  if (name.startsWith('.') && name !== '.gitkeep') return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f\\\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/.test(name) || /^git~\d/i.test(name))
    return false;
  return process.platform !== 'win32' || !(/[:*?"<>|]|[. ]$/.test(name) || RESERVED.test(name));
}

/**
 * Whether git refuses to check out a file or folder of this name, on some system at least: what means the folder above
 * or git's own, as Linux, Windows (`git~1`, `.git.`) or macOS (`.g<zero width>it`) read it.
 */
export function isRefusedByGit(name: string): boolean {
  if (name === '' || name === '.' || name === '..' || name.includes('/')) return true;
  const plain = name.replace(/[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g, '');
  return plain.split('\\').some((part) => /^(\.git|git~1)[ .]*(:.*)?$/i.test(part));
}

/** Whether a file of a person's, outside the carried folders, can be written at this path. */
export function isUsableOutside(path: string): boolean {
  const parts = path.split('/');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const isPlain = (part: string): boolean => !isRefusedByGit(part) && !/[\u0000-\u001f\u007f\\]/.test(part);
  return parts.every(isPlain) && !/^\.mailboxd$/i.test(parts[0] ?? '');
}

/** Whether the file at this path (with `/`, relative to the root) travels. */
export function isSyncedPath(path: string): boolean {
  const parts = path.split('/');
  return (
    parts.length > 1 && parts.length <= DEEPEST && isSyncedFolder(parts[0] ?? '') && parts.slice(1).every(isSyncedName)
  );
}
