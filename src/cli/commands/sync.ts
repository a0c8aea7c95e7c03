import { defineCommand } from '../command.js';
import { describeExchange } from '../exchange-text.js';
import { EXIT } from '../exit-codes.js';
import { safeText } from '../terminal-text.js';

export const command = defineCommand({
  about:
    'One exchange with the remote, now: what is new here goes out, what is new there comes in. Where a daemon runs, it is asked to do it at once.',
  options: {
    'accept-rewrite': {
      type: 'boolean',
      describe: 'Go on although the history of the remote was rewritten, emptied or replaced; nothing is lost',
    },
  },
  examples: [['mailboxd sync', 'bring what was sent to the others, and get what they have']],
  async run(args, cli) {
    const { syncRoot } = await import('../../mailbox/sync.js');
    const report = await syncRoot(cli.root(), { acceptRewrite: args['accept-rewrite'] === true });
    const { by, sent, received, main, problems, isHeldBack, accepted } = report;
    if (cli.json) {
      cli.data({
        ...{ by, sent: sent ?? null, received: received ?? null, main: main ?? null, held_back: isHeldBack },
        problems: problems.map(({ message, hint }) => ({ message, hint: hint ?? null })),
        accepted: accepted
          ? { from: accepted.from ?? null, to: accepted.to ?? null, kept: accepted.kept ?? null }
          : null,
      });
    } else {
      if (accepted) cli.line(`the new history of the remote is accepted; nothing of either side was given up`);
      if (accepted?.kept) cli.line(`your branch main follows it; what it had is kept as ${accepted.kept}`);
      if (args['accept-rewrite'] && !accepted) cli.line('the history of the remote was not rewritten');
      cli.line(`${by === 'daemon' ? 'the daemon went round; ' : ''}${describeExchange({ sent, received, main })}`);
      for (const { message, hint } of problems)
        cli.note(`mailboxd: ${safeText(message)}${hint === undefined ? '' : `\n  ${safeText(hint)}`}`);
    }
    return isHeldBack ? EXIT.held : EXIT.done;
  },
});
