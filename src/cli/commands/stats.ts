import { formatDuration } from '../../core/duration.js';
import { STATES } from '../../core/message.js';
import type { StateCounts } from '../../catalog/index.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { renderTable, safeLine } from '../terminal-text.js';
import { tellParked } from './list.js';

export const command = defineCommand({
  about: 'Counts by state, mailbox and sender, waiting and running times, costs, and failures by reason.',
  examples: [['mailboxd stats --json', 'for a program']],
  async run(_args, cli) {
    await using desk = await cli.desk();
    const stats = await desk.stats();
    if (cli.json) {
      cli.data(stats);
      return EXIT.done;
    }
    const row = (name: string, counts: StateCounts): string[] => [
      safeLine(name),
      ...STATES.map((state) => String(counts[state])),
    ];
    const mailboxes = Object.entries(stats.by_mailbox).map(([name, counts]) => row(name, counts));
    const head = ['MAILBOX', 'INBOX', 'IN_PROGRESS', 'COMPLETE', 'FAILED'];
    for (const line of renderTable(head, [...mailboxes, row('all', stats.by_state)], cli.io.columns)) cli.line(line);
    cli.line('');
    const senders = Object.entries(stats.by_sender).map(([name, counts]) => [
      ...row(name, counts),
      `$${counts.cost_usd.toFixed(4)}`,
    ]);
    for (const line of renderTable(['SENDER', ...head.slice(1), 'COST'], senders, cli.io.columns)) cli.line(line);
    cli.line('');
    const { waiting_ms: waiting, running_ms: running } = stats;
    const times = (name: string, t: typeof waiting): void => {
      if (t.count > 0)
        cli.line(
          `${name} half within ${formatDuration(t.p50)}, 95 % within ${formatDuration(t.p95)}, longest ${formatDuration(t.max)}`,
        );
    };
    times('waited: ', waiting);
    times('ran:    ', running);
    const tokens = stats.tokens_in + stats.tokens_out;
    cli.line(`cost:    $${stats.cost_usd.toFixed(4)}, ${tokens} tokens, ${stats.turns} turns in ${stats.runs} runs`);
    const failures = Object.entries(stats.failures).map(([code, count]) => `${safeLine(code)} ${count}`);
    if (failures.length > 0) cli.line(`failed:  ${failures.join(', ')}`);
    tellParked(cli, stats.parked);
    return EXIT.done;
  },
});
