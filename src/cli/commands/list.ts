import { formatDuration } from '../../core/duration.js';
import { MESSAGE_TYPES, STATES } from '../../core/message.js';
import { summaryOf } from '../../mailbox/message-summary.js';
import { given, wholeNumber } from '../arguments.js';
import { type Cli, defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { renderTable, safeLine } from '../terminal-text.js';
import type { CatalogRecord } from '../../catalog/index.js';
import type { Parked } from '../../mailbox/parked.js';
import type { WorkerOf } from '../../mailbox/seen-claims.js';

export const command = defineCommand({
  about: 'Lists messages, newest first: a table on a terminal, one tab-separated line each in a pipe.',
  positionals: { mailbox: { type: 'string', describe: 'Only those in this mailbox' } },
  options: {
    state: { type: 'string', choices: STATES, describe: 'Only those in this state' },
    from: { type: 'string', describe: 'Only those of this sender' },
    type: { type: 'string', choices: MESSAGE_TYPES, describe: 'Only tasks, or only chats' },
    thread: { type: 'string', describe: 'Only those of this thread' },
    limit: { type: 'string', describe: 'At most this many (default: 50)' },
    offset: { type: 'string', describe: 'Leave out so many of the newest' },
  },
  examples: [
    ['mailboxd list server --state failed', 'what failed there'],
    ['mailboxd list --json', 'as {"messages", "total", "parked"}'],
  ],
  async run(args, cli) {
    const { state, from, type, thread, mailbox } = args;
    const limit = wholeNumber('limit', args.limit, 1) ?? 50;
    const offset = wholeNumber('offset', args.offset) ?? 0;
    await using desk = await cli.desk();
    const listing = await desk.list({ ...given({ mailbox, state, from, type, thread }), limit, offset });
    const { readSeenClaims } = await import('../../mailbox/seen-claims.js');
    const workerOf = await readSeenClaims(desk.root);
    if (cli.json) {
      const messages = listing.records.map((record) => ({
        ...summaryOf(desk.root.dir, record),
        worker: workerOf(record),
      }));
      cli.data({ messages, total: listing.total, parked: listing.parked });
    } else if (cli.io.isTTY.stdout) {
      showTable(cli, listing.records, desk.clock.now(), workerOf);
      tellParked(cli, listing.parked);
      const rest = listing.total - offset - listing.records.length;
      if (listing.total === 0) cli.line('no messages');
      else if (rest > 0) cli.line(cli.paint('dim', `${rest} older: --offset ${offset + listing.records.length}`));
    } else {
      for (const record of listing.records) {
        const cells = [
          record.id || '-',
          record.state,
          record.mailbox,
          record.type,
          record.from,
          record.created,
          record.subject,
        ];
        cli.line(cells.map(safeLine).join('\t'));
      }
    }
    return EXIT.done;
  },
});

function stateOf({ type, state }: CatalogRecord, worker: string | undefined): string {
  if (type === 'chat') return `${state} chat`;
  return worker === undefined ? state : safeLine(`runs on ${worker.slice(worker.indexOf('@') + 1)}`);
}

function showTable(cli: Cli, records: readonly CatalogRecord[], now: number, workerOf: WorkerOf): void {
  if (records.length === 0) return;
  const length = shortLength(records.map((record) => record.id));
  const rows = records.map((record) => [
    record.id === '' ? '-' : record.id.slice(0, length),
    stateOf(record, workerOf(record)),
    safeLine(record.mailbox),
    safeLine(record.from).slice(0, 20),
    `${formatAge(now - Date.parse(record.created))}`,
    safeLine(record.subject),
  ]);
  const [head, ...lines] = renderTable(['ID', 'STATE', 'MAILBOX', 'FROM', 'AGE', 'SUBJECT'], rows, cli.io.columns);
  cli.line(cli.paint('dim', head ?? ''));
  for (const line of lines) cli.line(line);
}

function formatAge(ms: number): string {
  return Number.isNaN(ms) ? '-' : (formatDuration(Math.max(0, ms)).split(' ')[0] ?? '').replace(/\.\d+s$/, 's');
}

/** How many characters tell these ids apart; at least 8. */
function shortLength(ids: readonly string[]): number {
  const sorted = ids.filter((id) => id !== '').toSorted();
  let most = 8;
  for (let i = 1; i < sorted.length; i += 1) {
    const [a = '', b = ''] = [sorted[i - 1], sorted[i]];
    let same = 0;
    while (same < a.length && a[same] === b[same]) same += 1;
    if (a !== b) most = Math.max(most, same + 1);
  }
  return most;
}

/** Mailboxes that wait for a limit, a login or a program. */
export function tellParked(cli: Cli, parked: readonly Parked[]): void {
  for (const item of parked) {
    cli.line(
      cli.paint(
        'yellow',
        `${item.mailbox} is parked (${item.reason}): ${safeLine(item.message)}; next try ${item.next_try}`,
      ),
    );
  }
}
