/** The library: `import { openMailboxes, query } from 'mailboxd'`. */
export { MailboxError, type ErrorCode } from './core/errors.js';
export type {
  CrashPolicy,
  FrontMatter,
  MessageFields,
  MessageType,
  PermissionMode,
  Place,
  Priority,
  ResultRecord,
  RunRecord,
  RunStats,
  State,
  TaskOptions,
} from './core/message.js';
export {
  openMailboxes,
  type Draft,
  type FollowEvent,
  type Mailboxes,
  type MessageList,
  type MessageView,
  type OpenOptions,
  type Parked,
  type Sent,
} from './mailbox/open.js';
export { query, querySimple, type QueryOptions } from './query.js';
export type { RunEvent } from './runners/port.js';
