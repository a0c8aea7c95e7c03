import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { MailboxError } from '../../core/errors.js';
import { isMailboxName, slugOf } from '../../core/names.js';
import { initRoot, type InitReport, type InitRequest } from '../../mailbox/init.js';
import { isConfigured } from '../../mailbox/root.js';
import { RUNNER_NAMES } from '../../runners/index.js';
import { given } from '../arguments.js';
import { type Cli, defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const command = defineCommand({
  about:
    'Makes mailboxes and this host’s configuration; a second run changes nothing, but for newly named mailboxes. The folder need not be empty.',
  positionals: { dir: { type: 'string', describe: 'The folder; by default the current one' } },
  options: {
    as: { type: 'string', describe: 'This host’s instance: its own mailbox, and the default sender' },
    mailbox: { type: 'string', array: true, describe: 'A further mailbox to create and serve; may be repeated' },
    remote: { type: 'string', describe: 'URL of a git remote, for the configuration' },
    runner: { type: 'string', choices: RUNNER_NAMES, describe: 'What runs tasks (default: claude)' },
    yes: { type: 'boolean', alias: 'y', describe: 'Ask nothing' },
  },
  examples: [['mailboxd init --as laptop --mailbox server', 'two mailboxes on this machine']],
  async run(args, cli) {
    const dir = resolve(cli.io.cwd, args.dir ?? (cli.io.env['MAILBOXD_ROOT'] || '.'));
    const request: InitRequest = {
      dir,
      ...given({ as: args.as, mailboxes: args.mailbox, remote: args.remote, runner: args.runner }),
    };
    if (request.as === undefined && !isConfigured(dir)) {
      if (args.yes) request.as = suggestName();
      else if (cli.io.isTTY.stdin && cli.io.isTTY.stdout && !cli.json) await askFor(request);
    }
    const report = await initRoot(request);
    if (cli.json) cli.data({ ...report, remote: report.remote ?? null });
    else tell(cli, report);
    return EXIT.done;
  },
});

function suggestName(): string {
  return slugOf(hostname().replace(/\..*$/, ''), 32);
}

async function askFor(request: InitRequest): Promise<void> {
  const { group, select, text } = await import('@clack/prompts');
  const check = (value: string | undefined): string | undefined =>
    value === undefined || value === '' || isMailboxName(value)
      ? undefined
      : 'letters, digits, . _ and -, beginning with a letter or digit';
  const name = suggestName();
  const cancelled = (): never => {
    throw new MailboxError('failed', 'nothing was made: the questions were broken off');
  };
  const answers = await group(
    {
      as: () =>
        text({
          message: 'What is this machine called? Its own mailbox gets that name.',
          placeholder: name,
          defaultValue: name,
          validate: check,
        }),
      more: () =>
        text({
          message: 'Another mailbox to work off here? (empty for none)',
          placeholder: 'server',
          defaultValue: '',
          validate: check,
        }),
      runner: () =>
        select({
          message: 'What runs the tasks?',
          options: [
            { value: 'claude', label: 'claude', hint: 'Claude Code' },
            { value: 'command', label: 'command', hint: 'a program of your own' },
            { value: 'simulator', label: 'simulator', hint: 'no account needed, simulated answers' },
          ],
        }),
    },
    { onCancel: cancelled },
  );
  request.as = answers.as || name;
  request.mailboxes = [...(request.mailboxes ?? []), ...(answers.more ? [answers.more] : [])];
  request.runner ??= answers.runner;
}

function tell(cli: Cli, report: InitReport): void {
  if (report.changed.length === 0) {
    cli.line(`${report.dir} is complete; nothing was changed`);
  } else {
    cli.line(`${report.dir} is ${report.as}, serves ${report.serve.join(', ')}, and runs tasks with ${report.runner}`);
    for (const path of report.changed.filter((path) => !/\/(inbox|in_progress|complete|failed)\/$/.test(path)))
      cli.line(cli.paint('dim', `  ${path}`));
  }
  if (cli.io.isTTY.stdout) {
    cli.line(
      `Next: mailboxd start, and in another terminal: mailboxd send ${report.serve.at(-1) ?? report.as} "Say hello" --wait`,
    );
  }
}
