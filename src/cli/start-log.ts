/** What a daemon does, as structured lines of its log. Output is no event of the log: it is in the files. */
import type { DaemonEvent } from '../daemon/worker.js';
import type { Logger } from '../logging/logger.js';

export function logEvent(logger: Logger, event: DaemonEvent): void {
  const { type, ...fields } = event;
  switch (event.type) {
    case 'output':
      return;
    case 'trouble':
      return logger.warn({ hint: event.hint }, event.message);
    case 'lost':
    case 'parked':
    case 'held':
    case 'refused':
    case 'handed back':
      return logger.warn(flat(fields), type);
    default:
      return logger.info(flat(fields), type);
  }
}

/** A place as one path, which is what one searches a log for. */
function flat(fields: Record<string, unknown>): Record<string, unknown> {
  const { place, ...rest } = fields as { place?: { mailbox: string; state: string; name: string } };
  return place === undefined
    ? rest
    : { ...rest, mailbox: place.mailbox, file: `${place.mailbox}/${place.state}/${place.name}` };
}
