import { placeSummary } from '../../mailbox/message-summary.js';
import { defineCommand } from '../command.js';
import { tellElsewhere } from '../elsewhere-text.js';
import { EXIT } from '../exit-codes.js';
import { readMessageText } from '../message-text.js';

export const command = defineCommand({
  about:
    'Sends a chat that replies to a message. A running task takes it in, and its file quotes it; otherwise it waits to be read.',
  positionals: {
    id: { type: 'string', demandOption: true, describe: 'An id, the unique beginning of one, or a path' },
    text: { type: 'string', describe: 'What to say; - or nothing reads it from standard input' },
  },
  options: {
    file: { type: 'string', describe: 'Read the text from this file' },
    from: {
      type: 'string',
      describe: 'The sender; else CLAUDE_ID, else nobody for a task without `from`, else this host’s instance',
    },
  },
  examples: [['mailboxd say 0199f3c2 "Only the German feeds"', 'steer a running task']],
  async run(args, cli) {
    await using desk = await cli.desk();
    const record = await desk.find(cli.reference(args.id));
    const text = await readMessageText(cli, args.text, args.file);
    const sent = await desk.say(record.id, text, args.from ?? (cli.io.env['CLAUDE_ID'] || undefined));
    const { isExchanging, whoRuns } = await import('../../mailbox/elsewhere.js');
    const runner = await whoRuns(desk.root, record);
    const how = isExchanging(desk.root) ? 'hears it within seconds' : 'hears it after `mailboxd sync`';
    if (cli.json)
      cli.data({
        id: sent.id,
        in_reply_to: record.id,
        task_state: record.state,
        ...placeSummary(desk.root.dir, sent.place),
      });
    else if (runner.kind === 'yes' || record.state === 'in_progress')
      cli.line(`said to ${record.id}, which is running`);
    else cli.line(`sent as a chat; ${record.id} is not running (${record.state})`);
    tellElsewhere(cli, runner, how);
    return EXIT.done;
  },
});
