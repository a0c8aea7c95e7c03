import { MESSAGE, tellPlace } from '../act-command.js';
import { defineCommand } from '../command.js';
import { tellElsewhere } from '../elsewhere-text.js';
import { EXIT } from '../exit-codes.js';

export const command = defineCommand({
  about: 'Takes back a waiting task, or stops a running one; either way it ends in failed/ as cancelled.',
  positionals: { id: MESSAGE },
  examples: [['mailboxd cancel 0199f3c2', 'stop a task']],
  async run(args, cli) {
    const { isExchanging, whoRuns } = await import('../../mailbox/elsewhere.js');
    await using desk = await cli.desk();
    const record = await desk.find(cli.reference(args.id));
    const place = await desk.cancel(record.id || cli.reference(args.id));
    // Asked afterwards: a cancel does not wait for a remote.
    const runner = await whoRuns(desk.root, record);
    tellPlace(cli, desk.root.dir, 'cancelled', record.id, place);
    tellElsewhere(cli, runner, isExchanging(desk.root) ? 'stops it within seconds' : 'stops it after `mailboxd sync`');
    return EXIT.done;
  },
});
