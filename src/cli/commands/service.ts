import { SERVICE_ACTIONS, serviceCommand } from '../../service/service-command.js';
import { given, wholeNumber } from '../arguments.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const command = defineCommand({
  about:
    'Keeps `mailboxd start` running for this user: systemd on Linux, launchd on macOS, the task scheduler on Windows.',
  positionals: { action: { type: 'string', choices: SERVICE_ACTIONS, demandOption: true, describe: 'What to do' } },
  options: {
    platform: {
      type: 'string',
      choices: ['linux', 'macos', 'windows'],
      describe: 'With print: the definition for this system',
    },
    lines: { type: 'string', describe: 'With logs: so many lines (default: 50)' },
  },
  examples: [
    ['mailboxd service install', 'start it now and at every login'],
    ['mailboxd service print', 'only show the definition'],
  ],
  async run(args, cli) {
    const root = cli.rootDir();
    const report = await serviceCommand(args.action, {
      root,
      environment: cli.io.env,
      grace: cli.root().config.grace,
      ...given({
        platform: args.action === 'print' ? args.platform : undefined,
        lines: wholeNumber('lines', args.lines, 1),
      }),
    });
    if (cli.json) cli.data(report.data);
    else cli.text(report.text);
    return report.ok ? EXIT.done : EXIT.failed;
  },
});
