/** The commands that do one thing to one message and say where it is now. */
import type { Place } from '../core/message.js';
import type { Mailboxes } from '../mailbox/open.js';
import { placeSummary } from '../mailbox/message-summary.js';
import { type Cli, type Command, defineCommand } from './command.js';
import { EXIT } from './exit-codes.js';
import { safeLine } from './terminal-text.js';

export const MESSAGE = {
  type: 'string',
  demandOption: true,
  describe: 'An id, the unique beginning of one, or a path',
} as const;

export function defineAct(act: {
  about: string;
  /** `cancelled`, for people. */
  done: string;
  example: [command: string, what: string];
  run(desk: Mailboxes, reference: string): Promise<Place>;
}): Command {
  return defineCommand({
    about: act.about,
    positionals: { id: MESSAGE },
    examples: [act.example],
    async run(args, cli) {
      await using desk = await cli.desk();
      const record = await desk.find(cli.reference(args.id));
      // By its place where it has no id yet.
      const reference = record.id || cli.reference(args.id);
      tellPlace(cli, desk.root.dir, act.done, record.id, await act.run(desk, reference));
      return EXIT.done;
    },
  });
}

export function tellPlace(cli: Cli, root: string, done: string, id: string, place: Place): void {
  if (cli.json) cli.data({ id, done, ...placeSummary(root, place) });
  else cli.line(safeLine(`${done}: mailboxes/${place.mailbox}/${place.state}/${place.name}`));
}
