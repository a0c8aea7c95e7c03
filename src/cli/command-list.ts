/** The commands there are. A new one is a file in commands/ and one line here; it is loaded when it is used. */
import type { Command } from './command.js';

export interface CommandEntry {
  /** As yargs reads it: `<needed>`, `[optional]`. */
  usage: string;
  summary: string;
  load(): Promise<{ command: Command }>;
}

export const COMMANDS: readonly CommandEntry[] = [
  { usage: 'init [dir]', summary: 'Make a root here, or complete one', load: () => import('./commands/init.js') },
  { usage: 'start', summary: 'Run the daemon: work off what arrives', load: () => import('./commands/start.js') },
  { usage: 'send <to> [text]', summary: 'Send a task or a chat', load: () => import('./commands/send.js') },
  { usage: 'list [mailbox]', summary: 'List messages, newest first', load: () => import('./commands/list.js') },
  { usage: 'show <id>', summary: 'Show one message with its answer', load: () => import('./commands/show.js') },
  { usage: 'tail <id>', summary: 'Follow a task until it ends', load: () => import('./commands/tail.js') },
  { usage: 'say <id> [text]', summary: 'Say something to a running task', load: () => import('./commands/say.js') },
  { usage: 'cancel <id>', summary: 'Stop a task, or take it back', load: () => import('./commands/cancel.js') },
  { usage: 'retry <id>', summary: 'Run a task again', load: () => import('./commands/retry.js') },
  { usage: 'ack <id>', summary: 'Mark a chat as read', load: () => import('./commands/ack.js') },
  { usage: 'delete <id>', summary: 'Delete a message', load: () => import('./commands/delete.js') },
  {
    usage: 'move <id> <mailbox>',
    summary: 'Give a message to another mailbox',
    load: () => import('./commands/move.js'),
  },
  { usage: 'progress', summary: 'Show what is running now', load: () => import('./commands/progress.js') },
  { usage: 'workers', summary: 'Show which hosts serve mailboxes', load: () => import('./commands/workers.js') },
  { usage: 'notify [dir]', summary: 'Make the daemons of a root look now', load: () => import('./commands/notify.js') },
  { usage: 'stats', summary: 'Show counts, times and costs', load: () => import('./commands/stats.js') },
  {
    usage: 'archive [action] [file]',
    summary: 'Take old messages out into a bundle, or bring them back',
    load: () => import('./commands/archive.js'),
  },
  { usage: 'sync', summary: 'Exchange with the remote, once, now', load: () => import('./commands/sync.js') },
  { usage: 'run', summary: 'Turns in, events out: a task as a pipe', load: () => import('./commands/run.js') },
  {
    usage: 'doctor',
    summary: 'Look for what is wrong, and say how to mend it',
    load: () => import('./commands/doctor.js'),
  },
  { usage: 'setup', summary: 'Install the Claude CLI for this user', load: () => import('./commands/setup.js') },
  { usage: 'login', summary: 'Sign the Claude CLI in', load: () => import('./commands/login.js') },
  {
    usage: 'service <action>',
    summary: 'Keep the daemon running as a system service',
    load: () => import('./commands/service.js'),
  },
  {
    usage: 'completion [shell]',
    summary: 'Print a completion script for your shell',
    load: () => import('./commands/completion.js'),
  },
];

/** `send` of `send <to> [text]`. */
export function nameOfCommand(entry: CommandEntry): string {
  return entry.usage.split(' ')[0] ?? entry.usage;
}
