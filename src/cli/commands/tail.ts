import { placeSummary } from '../../mailbox/message-summary.js';
import { duration } from '../arguments.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { showFollowing } from '../follow-output.js';
import { giveUpAfter } from '../give-up.js';

export const command = defineCommand({
  about:
    'Prints what a task writes, as it is written, and exits by its outcome. It may still be waiting, or run on another host.',
  positionals: {
    id: { type: 'string', demandOption: true, describe: 'An id, the unique beginning of one, or a path' },
  },
  options: {
    new: { type: 'boolean', describe: 'Leave out what was written before' },
    'give-up': { type: 'string', describe: 'Stop after this long (exit 2)' },
  },
  examples: [['mailboxd tail 0199f3c2', 'follow it to its end']],
  async run(args, cli) {
    const patience = duration('give-up', args['give-up']);
    await using desk = await cli.desk();
    const stop = new AbortController();
    const { signal } = stop;
    giveUpAfter(patience, stop);
    // Whoever runs it elsewhere is told that nobody reads any more.
    let isBrokenOff = false;
    const release = cli.io.onSignal(() => {
      isBrokenOff = true;
      stop.abort();
    });
    using _ = { [Symbol.dispose]: release };
    const { id } = await desk.find(cli.reference(args.id));
    const events = desk.follow(id || cli.reference(args.id), { signal, fromStart: args.new !== true });
    if (cli.json) {
      let exit: number = EXIT.waiting;
      const { exitOfOutcome } = await import('../exit-codes.js');
      for await (const event of events) {
        const place = 'place' in event ? placeSummary(desk.root.dir, event.place) : {};
        cli.dataLine({ ...event, ...place, place: undefined });
        if (event.type === 'end') exit = exitOfOutcome(event.outcome);
        if (event.type === 'gone') exit = EXIT.notFound;
      }
      stop.abort();
      return exit;
    }
    const ending = await showFollowing(cli, desk.root.dir, events, { quiet: false });
    stop.abort();
    if (ending.exit === EXIT.waiting && !isBrokenOff) cli.note('it has not ended yet');
    return ending.exit;
  },
});
