import { MESSAGE, tellPlace } from '../act-command.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const command = defineCommand({
  about: 'Moves a message to the inbox of another mailbox.',
  positionals: { id: MESSAGE, mailbox: { type: 'string', demandOption: true, describe: 'The mailbox that gets it' } },
  examples: [['mailboxd move 0199f3c2 laptop', 'give it to laptop']],
  async run(args, cli) {
    await using desk = await cli.desk();
    const record = await desk.find(cli.reference(args.id));
    const place = await desk.move(record.id || cli.reference(args.id), args.mailbox);
    tellPlace(cli, desk.root.dir, 'moved', record.id, place);
    return EXIT.done;
  },
});
