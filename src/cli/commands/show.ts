import { formatDuration } from '../../core/duration.js';
import { summaryOf } from '../../mailbox/message-summary.js';
import { listKept } from '../../mailbox/kept.js';
import type { MessageView } from '../../mailbox/show.js';
import type { Elsewhere } from '../../mailbox/elsewhere.js';
import { type Cli, defineCommand } from '../command.js';
import { runnerText } from '../elsewhere-text.js';
import { EXIT } from '../exit-codes.js';
import { safeLine } from '../terminal-text.js';

export const command = defineCommand({
  about: 'Shows one message: where it is, its fields, its text, and what its runs wrote below it.',
  positionals: {
    id: { type: 'string', demandOption: true, describe: 'An id, the unique beginning of one, or a path' },
  },
  options: { result: { type: 'boolean', describe: 'Only the answer; exit 2 while there is none' } },
  examples: [
    ['mailboxd show 0199f3c2', 'by the beginning of its id'],
    ['mailboxd show mailboxes/server/complete/hello.md --result', 'only the answer'],
  ],
  async run(args, cli) {
    await using desk = await cli.desk();
    const view = await desk.show(cli.reference(args.id));
    const { record, fields, problem, text, result } = view;
    const { findElsewhere } = await import('../../mailbox/elsewhere.js');
    const runner = args.result ? ({ kind: 'no' } as const) : await findElsewhere(desk.root, record);
    // What another host has written so far is more than what stands here.
    const recorded = (runner.kind === 'yes' ? runner.written : undefined) ?? view.recorded;
    const kept = listKept(desk.root.dir, record.id);
    const hasEnded = record.state === 'complete' || record.state === 'failed';
    if (cli.json) {
      const message = summaryOf(desk.root.dir, record);
      const answer = { result: result ?? null, structured_output: view.structured_output };
      const common = { message, fields: fields ?? null, problem: problem ?? null, text, recorded };
      const elsewhere = runner.kind === 'yes' ? { worker: runner.worker, since: runner.since } : undefined;
      cli.data({ ...common, ...answer, running_elsewhere: elsewhere, kept });
    } else if (args.result) {
      if (result !== undefined) cli.text(`${result}\n`);
      else
        cli.note(
          hasEnded
            ? `it has no answer: ${safeLine(fields?.result?.error?.message ?? record.state)}`
            : 'it has no answer yet',
        );
    } else {
      showHead(cli, view, runner, kept);
      cli.text(`${text.trimEnd()}\n`);
      if (recorded !== '') cli.text(`${recorded.trimEnd()}\n`);
    }
    if (!args.result || result !== undefined) return EXIT.done;
    return hasEnded ? EXIT.failed : EXIT.waiting;
  },
});

function showHead(cli: Cli, view: MessageView, runner: Elsewhere, kept: readonly string[]): void {
  const { record, fields } = view;
  const error = fields?.result?.error;
  const cost = record.cost_usd === undefined ? '' : `, $${record.cost_usd.toFixed(4)}`;
  const ran = record.running_ms === undefined ? '' : `${formatDuration(record.running_ms)}${cost}`;
  const rows: [string, string | undefined][] = [
    ['id', record.id || '(none yet)'],
    ['file', view.path],
    [
      'state',
      record.outcome !== undefined && record.outcome !== record.state
        ? `${record.state} (${record.outcome})`
        : record.state,
    ],
    ['running', runnerText(runner)],
    ['type', record.type],
    ['from', record.from],
    ['to', record.mailbox],
    ['subject', record.subject],
    ['priority', record.priority === 'normal' ? undefined : record.priority],
    ['thread', record.thread],
    ['answers', record.in_reply_to],
    ['created', record.created],
    ['not before', record.not_before],
    ['runner', [record.runner, record.model].filter((part) => part !== undefined).join(', ') || undefined],
    ['ran', ran || undefined],
    ['attempts', record.attempts > 0 ? String(record.attempts) : undefined],
    ['reason', error && `${error.message}${error.hint ? ` (${error.hint})` : ''}`],
    ['problem', view.problem],
    ...kept.map((path): [string, string] => ['kept', path]),
  ];
  for (const [name, value] of rows) {
    if (value !== undefined && value !== '') cli.line(`${cli.paint('dim', name.padEnd(11))}${safeLine(value)}`);
  }
  cli.line('');
}
