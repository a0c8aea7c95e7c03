/**
 * From the CLI's lines to the five events. Text is told as it streams; the complete block that follows is told only
 * if it was not streamed. What subagents say is no part of the answer, what they do is told.
 */
import type { RunEvent } from '../port.js';
import { asFields, asList, asNumber, asText, type Fields, textOf } from './protocol.js';
import { statsOf } from './stats.js';

export interface Translator {
  /** Events of one line, none for a line that says nothing to a reader. */
  take(line: Fields): RunEvent[];
}

export function createTranslator(): Translator {
  const calls = new Map<string, { tool: string; args: unknown }>();
  const streamed = new Set<string>();
  let session: string | undefined;
  let message = '';
  let turns = 0;
  let gap: 'none' | 'after text' | 'due' = 'none';

  function text(content: string): RunEvent[] {
    if (content === '') return [];
    const before = gap === 'due' ? '\n\n' : '';
    gap = 'after text';
    return [{ type: 'Progress', kind: 'text', content: before + content }];
  }

  function takeStream(line: Fields): RunEvent[] {
    const event = asFields(line['event']);
    if (!event || line['parent_tool_use_id']) return [];
    if (event['type'] === 'message_start') message = asText(asFields(event['message'])?.['id']) ?? '';
    if (event['type'] === 'content_block_start' && gap === 'after text') {
      if (asFields(event['content_block'])?.['type'] === 'text') gap = 'due';
    }
    const delta = event['type'] === 'content_block_delta' ? asFields(event['delta']) : undefined;
    if (delta?.['type'] !== 'text_delta') return [];
    streamed.add(message);
    return text(asText(delta['text']) ?? '');
  }

  function takeAssistant(line: Fields): RunEvent[] {
    const body = asFields(line['message']);
    // An error's own text comes again with the result, which becomes the Error event.
    const silent = Boolean(line['parent_tool_use_id'] ?? line['error']) || streamed.has(asText(body?.['id']) ?? '');
    return asList(body?.['content']).flatMap((value): RunEvent[] => {
      const block = asFields(value);
      if (block?.['type'] === 'text') {
        if (silent) return [];
        if (gap === 'after text') gap = 'due';
        return text(asText(block['text']) ?? '');
      }
      if (block?.['type'] !== 'tool_use') return [];
      gap = 'none';
      const call = { id: asText(block['id']) ?? '', tool: asText(block['name']) ?? '', args: block['input'] };
      calls.set(call.id, call);
      return [{ type: 'ToolUse', phase: 'call', ...call }];
    });
  }

  function takeUser(line: Fields): RunEvent[] {
    return asList(asFields(line['message'])?.['content']).flatMap((value): RunEvent[] => {
      const block = asFields(value);
      if (block?.['type'] !== 'tool_result') return [];
      const id = asText(block['tool_use_id']) ?? '';
      const { tool, args } = calls.get(id) ?? { tool: 'unknown', args: undefined };
      calls.delete(id);
      const output = textOf(block['content']);
      return [{ type: 'ToolUse', phase: 'result', id, tool, args, output, is_error: block['is_error'] === true }];
    });
  }

  function takeSystem(line: Fields): RunEvent[] {
    if (line['subtype'] === 'init') {
      const id = asText(line['session_id']) ?? '';
      const model = asText(line['model']);
      if (id === session) return []; // it comes again with every turn
      session = id;
      return [{ type: 'Start', session_id: id, ...(model === undefined ? {} : { model }) }];
    }
    if (line['subtype'] === 'api_retry') return [{ type: 'Progress', kind: 'status', content: describeRetry(line) }];
    if (line['subtype'] === 'status' && line['status'] === 'compacting') {
      return [{ type: 'Progress', kind: 'status', content: 'making the conversation shorter' }];
    }
    return [];
  }

  function takeResult(line: Fields): RunEvent[] {
    gap = 'none';
    turns += asNumber(line['num_turns']) ?? 0;
    if (line['is_error'] === true) {
      return [{ type: 'Error', code: errorCodeOf(line), message: errorTextOf(line) }];
    }
    const id = asText(line['session_id']);
    return [
      {
        type: 'Result',
        result: asText(line['result']) ?? '',
        ...(line['structured_output'] === undefined ? {} : { structured_output: line['structured_output'] }),
        ...(id === undefined ? {} : { session_id: id }),
        ...statsOf(line),
        turns,
      },
    ];
  }

  return {
    take(line) {
      switch (line['type']) {
        case 'stream_event':
          return takeStream(line);
        case 'assistant':
          return takeAssistant(line);
        case 'user':
          return takeUser(line);
        case 'system':
          return takeSystem(line);
        case 'result':
          return takeResult(line);
        default:
          return [];
      }
    },
  };
}

/** One word for an error result: the kind of limit, or `api_error` for what the API answered. */
export function errorCodeOf(result: Fields): string {
  const subtype = asText(result['subtype']) ?? '';
  return subtype.startsWith('error_') ? subtype : 'api_error';
}

export function errorTextOf(result: Fields): string {
  const errors = asList(result['errors']).filter((entry) => typeof entry === 'string');
  return asText(result['result']) || errors.join('; ') || asText(result['subtype']) || 'unknown error';
}

function describeRetry(line: Fields): string {
  const status = asNumber(line['error_status']);
  const what = (asText(line['error']) ?? 'an error').replaceAll('_', ' ');
  const delay = ((asNumber(line['retry_delay_ms']) ?? 0) / 1_000).toFixed(1);
  const of = `try ${asNumber(line['attempt']) ?? '?'} of ${asNumber(line['max_retries']) ?? '?'}`;
  return `the API answered ${what}${status === undefined ? '' : ` (${status})`}; ${of} in ${delay}s`;
}
