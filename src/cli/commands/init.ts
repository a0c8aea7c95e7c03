import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { MailboxError } from '../../core/errors.js';
import { isMailboxName, slugOf } from '../../core/names.js';
import type { InitRequest } from '../../mailbox/init.js';
import type { RemoteInitReport } from '../../mailbox/init-remote.js';
import { isConfigured } from '../../mailbox/root.js';
import { withoutSecret } from '../../git/secrets.js';
import { RUNNER_NAMES } from '../../runners/index.js';
import { given } from '../arguments.js';
import { type Cli, defineCommand } from '../command.js';
import { describeExchange } from '../exchange-text.js';
import { EXIT, EXIT_OF_ERROR } from '../exit-codes.js';
import { safeText } from '../terminal-text.js';

export const command = defineCommand({
  about:
    'Makes mailboxes and this host’s configuration; a second run changes nothing, but for newly named mailboxes. The folder need not be empty. With --remote: joins it to a git remote, which may be empty.',
  positionals: { dir: { type: 'string', describe: 'The folder; by default the current one' } },
  options: {
    as: { type: 'string', describe: 'This host’s instance: its own mailbox, and the default sender' },
    mailbox: { type: 'string', array: true, describe: 'A further mailbox to create and serve; may be repeated' },
    remote: { type: 'string', describe: 'A git remote that carries the mailboxes: a URL or a path' },
    runner: { type: 'string', choices: RUNNER_NAMES, describe: 'What runs tasks (default: claude)' },
    'new-host': { type: 'boolean', describe: 'Give a copied root a host id and key of its own' },
    yes: { type: 'boolean', alias: 'y', describe: 'Ask nothing' },
  },
  examples: [
    ['mailboxd init --as laptop --mailbox server', 'two mailboxes on this machine'],
    ['mailboxd init ~/mail --remote ssh://git@example.com/m.git --as laptop', 'join a remote'],
  ],
  async run(args, cli) {
    const dir = resolve(cli.io.cwd, args.dir ?? (cli.io.env['MAILBOXD_ROOT'] || '.'));
    if (args['new-host']) return giveNewHost(cli, dir, args);
    const { absoluteRemote } = await import('../../mailbox/init-repository.js');
    const remote = args.remote === undefined ? undefined : absoluteRemote(args.remote, cli.io.cwd);
    const request: InitRequest = {
      dir,
      ...given({ as: args.as, mailboxes: args.mailbox, remote, runner: args.runner }),
    };
    if (request.as === undefined && !isConfigured(dir)) {
      if (args.yes) request.as = suggestName();
      else if (cli.io.isTTY.stdin && cli.io.isTTY.stdout && !cli.json) await askFor(request);
    }
    const { makeRoot } = await import('../../mailbox/init-remote.js');
    const report = await makeRoot(request);
    const { offline } = report;
    if (cli.json) cli.data(asData(report));
    else tell(cli, report);
    if (!offline) return EXIT.done;
    cli.note(`mailboxd: ${safeText(offline.message)}`);
    if (offline.hint) cli.note(`  ${safeText(offline.hint)}`);
    return EXIT_OF_ERROR[offline.code];
  },
});

function asData({ exchange, offline, ...report }: RemoteInitReport): Record<string, unknown> {
  const base = { ...report, remote: report.remote ?? null };
  if (report.remote === undefined) return base;
  const { sent, received, main } = exchange ?? {};
  return {
    ...base,
    remote: withoutSecret(report.remote),
    exchange: exchange ? { sent, received, main: main ?? null } : null,
    problems: [...(exchange?.problems ?? []), ...(offline ? [offline] : [])].map(({ message, hint }) => ({
      message,
      hint: hint ?? null,
    })),
  };
}

async function giveNewHost(cli: Cli, dir: string, args: Record<string, unknown>): Promise<number> {
  const other = ['as', 'mailbox', 'remote', 'runner'].find((name) => args[name] !== undefined);
  if (other !== undefined)
    throw new MailboxError('usage', `found --${other} with --new-host, which takes nothing else`);
  const { makeNewHost } = await import('../../mailbox/new-host.js');
  const { before, host } = await makeNewHost(dir);
  if (cli.json) cli.data({ dir, host, before });
  else cli.line(`${dir} is a host of its own now: ${host}, no longer ${before}`);
  return EXIT.done;
}

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

function tell(cli: Cli, report: RemoteInitReport): void {
  const { exchange, offline, remote } = report;
  if (report.changed.length === 0) {
    cli.line(`${report.dir} is complete; nothing was changed`);
  } else {
    cli.line(`${report.dir} is ${report.as}, serves ${report.serve.join(', ')}, and runs tasks with ${report.runner}`);
    for (const path of report.changed.filter((path) => !/\/(inbox|in_progress|complete|failed)\/$/.test(path)))
      cli.line(cli.paint('dim', `  ${path}`));
  }
  if (remote !== undefined && exchange) {
    cli.line(`joined to ${withoutSecret(remote)}: ${describeExchange(exchange)}`);
    for (const { message, hint } of exchange.problems)
      cli.note(`${safeText(message)}${hint === undefined ? '' : `\n  ${safeText(hint)}`}`);
  }
  if (offline) cli.line('The remote was not reached. Everything here works without it; mailboxd sync joins it later.');
  if (cli.io.isTTY.stdout) {
    cli.line(
      `Next: mailboxd start, and in another terminal: mailboxd send ${report.serve.at(-1) ?? report.as} "Say hello" --wait`,
    );
  }
}
