/**
 * The lines that divide a message file. What stands above the first marker is the person's own text; what stands
 * below was written by a worker. A marker counts only with a token that this host made.
 *
 *     <!-- run 1 · <token> -->        then `## Run 1` and what the runner streamed
 *     <!-- result 1 · <token> -->     then `## Result` and the answer
 *     <!-- refused · <token> -->      then `## Refused` and the reason
 */

export type Marker =
  | { kind: 'run' | 'result'; n: number; token: string; start: number; end: number }
  | { kind: 'refused'; token: string; start: number; end: number };

const MARKER = /^<!-- (?:(run|result) (\d{1,9})|(refused)) · ([a-z0-9-]{20,80}) -->\r?$/gm;

export function runMarker(n: number, token: string): string {
  return `<!-- run ${n} · ${token} -->`;
}

export function resultMarker(n: number, token: string): string {
  return `<!-- result ${n} · ${token} -->`;
}

export function refusedMarker(token: string): string {
  return `<!-- refused · ${token} -->`;
}

/** Every marker line in `text` whose token `isOurs` accepts, in order; `start` and `end` are offsets of the line. */
export function findMarkers(text: string, isOurs: (token: string) => boolean): Marker[] {
  const found: Marker[] = [];
  if (!text.includes('<!-- r')) return found;
  for (const match of text.matchAll(MARKER)) {
    const token = match[4] ?? '';
    if (!isOurs(token)) continue;
    const start = match.index;
    const end = start + match[0].length;
    if (match[3]) found.push({ kind: 'refused', token, start, end });
    else found.push({ kind: match[1] as 'run' | 'result', n: Number(match[2]), token, start, end });
  }
  return found;
}

/** Makes lines of foreign text that look like a marker harmless, and keeps them readable. */
export function escapeMarkers(text: string): string {
  return text.replace(/^<!-- (?=(?:run|result) \d|refused ·)/gm, '&lt;!-- ');
}
