/** One line of a program's JSON output, as one of our five events. */
import type { RunStats } from '../../core/message.js';
import type { RunEvent } from '../port.js';

/** What a line may say besides an event: an error knows whether another attempt, or waiting, could help. */
export type SaidEvent =
  | Exclude<RunEvent, { type: 'Error' }>
  | { type: 'Error'; code: string; message: string; retry: boolean; until: number | undefined };

/**
 * The event in a line like `{"type":"progress","content":"…"}`; undefined when it is not JSON, not an object or of no
 * type we know. Types are compared without case, `_` and `-`. `nextId` names a tool call that has no id.
 */
export function parseEventLine(line: string, nextId: () => string): SaidEvent | undefined {
  const fields = parseObject(line);
  if (!fields || typeof fields['type'] !== 'string') return undefined;
  switch (fields['type'].toLowerCase().replace(/[_-]/g, '')) {
    case 'start':
      return { type: 'Start', session_id: textOf(fields['session_id']), ...modelOf(fields) };
    case 'progress': {
      const kind = fields['kind'] === 'status' ? 'status' : 'text';
      return { type: 'Progress', kind, content: textOf(fields['content'] ?? fields['text']) };
    }
    case 'tooluse': {
      const output = fields['output'];
      return {
        type: 'ToolUse',
        phase: fields['phase'] === 'result' || output !== undefined ? 'result' : 'call',
        id: typeof fields['id'] === 'string' ? fields['id'] : nextId(),
        tool: textOf(fields['tool'] ?? fields['name']) || 'tool',
        args: fields['args'] ?? fields['input'] ?? {},
        ...(output === undefined ? {} : { output: textOf(output) }),
        ...(fields['is_error'] === true ? { is_error: true } : {}),
      };
    }
    case 'result': {
      const result = fields['result'] ?? fields['content'];
      const structured =
        fields['structured_output'] ?? (typeof result === 'object' ? (result ?? undefined) : undefined);
      return {
        type: 'Result',
        result: textOf(result),
        ...(structured === undefined ? {} : { structured_output: structured }),
        ...statsOf(fields),
      };
    }
    case 'error':
      return {
        type: 'Error',
        code: textOf(fields['code']) || 'error',
        message: textOf(fields['message'] ?? fields['error']) || 'the program reported an error without a message',
        retry: fields['retry'] !== false,
        until: timeOf(fields['until']),
      };
    default:
      return undefined;
  }
}

function parseObject(line: string): Record<string, unknown> | undefined {
  if (!line.trimStart().startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

const COUNTS = ['turns', 'cost_usd', 'tokens_in', 'tokens_out', 'duration_api_ms'] as const;

function statsOf(fields: Record<string, unknown>): RunStats {
  const stats: RunStats = modelOf(fields);
  for (const key of COUNTS) {
    const value = fields[key];
    // A negative cost would give a program credit against the day's bound.
    if (typeof value === 'number' && Number.isFinite(value) && value >= 0) stats[key] = value;
  }
  return stats;
}

function modelOf(fields: Record<string, unknown>): { model?: string } {
  const model = fields['model'];
  return typeof model === 'string' && model !== '' ? { model } : {};
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Ms since 1970 of an RFC 3339 time or a number of ms. */
function timeOf(value: unknown): number | undefined {
  const time = typeof value === 'string' ? Date.parse(value) : value;
  return typeof time === 'number' && Number.isFinite(time) ? time : undefined;
}
