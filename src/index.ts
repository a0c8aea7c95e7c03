/** The library: `import … from 'mailboxd'`. */
export { openMailboxes, type Mailboxes, type MessageList, type OpenOptions } from './mailbox/open.js';
