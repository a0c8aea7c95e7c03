import { defineCommand } from '../command.js';
import { renderCompletion, SHELLS } from '../completion-scripts.js';
import { EXIT } from '../exit-codes.js';

export const command = defineCommand({
  about: 'Prints a script that completes commands, options, mailboxes and ids with the Tab key.',
  positionals: { shell: { type: 'string', choices: SHELLS, describe: 'By default the one in $SHELL' } },
  examples: [
    ['source <(mailboxd completion bash)', 'in ~/.bashrc'],
    ['mailboxd completion fish > ~/.config/fish/completions/mailboxd.fish', 'once'],
  ],
  json: false,
  async run(args, cli) {
    const current = cli.io.env['SHELL']?.split('/').at(-1);
    const shell = args.shell ?? SHELLS.find((name) => name === current) ?? 'bash';
    cli.text(renderCompletion(shell));
    return EXIT.done;
  },
});
