/**
 * Turns as JSON lines on standard input: the short shape `{"type":"user","message":"text"}` and the CLI's own,
 * `{"type":"user","message":{"role":"user","content":…}}`. A `system` line, which the CLI would drop in silence,
 * becomes a turn that is marked as guidance.
 */
export type Turn =
  | { kind: 'say'; text: string }
  | { kind: 'interrupt' }
  | { kind: 'empty' }
  | { kind: 'malformed'; why: string };

const EXPECTED = 'expected {"type":"user","message":"…"}';

export function parseTurn(line: string): Turn {
  if (line.trim() === '') return { kind: 'empty' };
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return malformed(`found ${JSON.stringify(line.slice(0, 60))}, which is no JSON`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return malformed('found no object');
  const { type, message, content, request } = value as Record<string, unknown>;
  if (type === 'control_request' && isInterrupt(request)) return { kind: 'interrupt' };
  if (type !== 'user' && type !== 'system') return malformed(`found the type ${JSON.stringify(type) ?? 'none'}`);
  const text = textOf(message ?? content);
  if (text === undefined || text.trim() === '') return malformed('found no text');
  return {
    kind: 'say',
    text: type === 'system' ? `Guidance (not a new task; keep to it from here on):\n\n${text}` : text,
  };
}

function malformed(found: string): Turn {
  return { kind: 'malformed', why: `${found}, ${EXPECTED}` };
}

function isInterrupt(request: unknown): boolean {
  return typeof request === 'object' && request !== null && (request as { subtype?: unknown }).subtype === 'interrupt';
}

function textOf(message: unknown): string | undefined {
  if (typeof message === 'string') return message;
  if (Array.isArray(message)) {
    const parts = message.map((part: unknown) => {
      const { type, text } = (typeof part === 'object' && part !== null ? part : {}) as {
        type?: unknown;
        text?: unknown;
      };
      return type === 'text' && typeof text === 'string' ? text : undefined;
    });
    return parts.includes(undefined) ? undefined : parts.join('\n\n');
  }
  if (typeof message !== 'object' || message === null) return undefined;
  const { role, content } = message as { role?: unknown; content?: unknown };
  return role === undefined || role === 'user' || role === 'system' ? textOf(content) : undefined;
}
