/** The CLI's stream-json lines, as far as they matter here. Every field is doubted: new versions bring new shapes. */
export type Fields = Record<string, unknown>;

/** The object on a line; undefined for anything else, which then stays in the raw record only. */
export function parseLine(line: string): Fields | undefined {
  try {
    return asFields(JSON.parse(line));
  } catch {
    return undefined;
  }
}

export function asFields(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

export function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

export function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export function asNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** The text of a message's or a tool result's content: a string, or blocks of which the text ones count. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  return asList(content)
    .map((block) => {
      const fields = asFields(block);
      if (!fields) return '';
      return asText(fields['text']) ?? `[${asText(fields['type']) ?? 'unknown'}]`;
    })
    .join('\n');
}

/** A turn for stdin. The CLI ends at a line it does not like, so this is the only shape that is ever sent. */
export function userLine(text: string, uuid: string): string {
  return JSON.stringify({ type: 'user', uuid, message: { role: 'user', content: text } });
}

export function interruptLine(id: string): string {
  return JSON.stringify({ type: 'control_request', request_id: id, request: { subtype: 'interrupt' } });
}
