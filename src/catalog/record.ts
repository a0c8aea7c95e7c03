/** What the catalog knows of one message: enough to list, count and find it without opening its file. */
import type { MessageType, Place, Priority, ResultRecord } from '../core/message.js';

export interface CatalogRecord extends Place {
  /** Empty for a file that has none yet; such a record is not found by id. */
  id: string;
  type: MessageType;
  from: string;
  to: string;
  subject: string;
  priority: Priority;
  thread?: string;
  in_reply_to?: string;
  /** RFC 3339 time; what `list` is ordered by. */
  created: string;
  /** When it last changed its state or content, ms since 1970. */
  updated: number;
  /** RFC 3339 time. */
  not_before?: string;
  /** Bytes. */
  size: number;
  /** Of the file, ms since 1970 with its fraction, as `fs.Stats.mtimeMs` has it. */
  mtime: number;
  attempts: number;
  crashes: number;
  /** How many runs stand in the file. */
  runs: number;
  runner?: string;
  model?: string;
  session?: string;
  cost_usd?: number;
  turns?: number;
  tokens_in?: number;
  tokens_out?: number;
  /** From `created` to the first claim. */
  waiting_ms?: number;
  /** All runs together. */
  running_ms?: number;
  outcome?: ResultRecord['outcome'];
  /** The failure's code. */
  reason?: string;
  /** Equal for messages that may share an answer (`cache`). */
  fingerprint?: string;
  copied_from?: string;
}

/** The record of a stored line whose checksum was right; undefined when it is none all the same. */
export function readRecord(bytes: Buffer): CatalogRecord | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is CatalogRecord {
  if (typeof value !== 'object' || value === null) return false;
  const record = value as Partial<CatalogRecord>;
  return (
    typeof record.id === 'string' &&
    typeof record.mailbox === 'string' &&
    typeof record.state === 'string' &&
    typeof record.name === 'string' &&
    typeof record.from === 'string' &&
    typeof record.created === 'string'
  );
}
