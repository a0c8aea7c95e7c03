/** Words for a task that another host runs. */
import type { Elsewhere } from '../mailbox/elsewhere.js';
import type { Cli } from './command.js';
import { safeLine } from './terminal-text.js';

/** A note that another host runs it, and `what` that host does about it; nothing where none does. */
export function tellElsewhere(cli: Cli, runner: Elsewhere, what: string): void {
  if (runner.kind === 'yes') cli.note(safeLine(`it runs on ${runner.host}, which ${what}`));
  if (runner.kind === 'unknown') cli.note(safeLine(`whether another host runs it is not known: ${runner.why}`));
}

/** `server@server-1 since 2026-11-21T13:40:00Z`; undefined where no other host runs it. */
export function runnerText(runner: Elsewhere): string | undefined {
  if (runner.kind === 'unknown') return `not known: ${runner.why}`;
  if (runner.kind === 'no') return undefined;
  return `${runner.worker} on ${runner.host}${runner.since === undefined ? '' : ` since ${runner.since}`}`;
}
