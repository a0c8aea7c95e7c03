import { MailboxError } from '../../core/errors.js';
import { isMailboxName } from '../../core/names.js';
import { type Daemon, startDaemon } from '../../daemon/daemon.js';
import type { DaemonEvent } from '../../daemon/worker.js';
import { createLogger, LOG_LEVELS, logDirOf, logFileOf } from '../../logging/logger.js';
import { initRoot } from '../../mailbox/init.js';
import { readParked } from '../../mailbox/parked.js';
import type { Root } from '../../mailbox/root.js';
import { createRunner, mockRunner, RUNNER_NAMES } from '../../runners/index.js';
import { createNotifier } from '../../service/notify.js';
import { serviceExitCode } from '../../service/service-command.js';
import { scratchDir } from '../../store/paths.js';
import { type Cli, defineCommand } from '../command.js';
import { EXIT, EXIT_OF_ERROR } from '../exit-codes.js';
import { reportError } from '../report-error.js';
import { logEvent } from '../start-log.js';
import { createStartPrinter } from '../start-printer.js';
import { safeLine } from '../terminal-text.js';

/** A loop that has not turned for so long is not healthy, ms. */
const OVERDUE = 10_000;

export const command = defineCommand({
  about:
    'Runs the daemon. A first Ctrl-C, SIGTERM or SIGHUP waits for running tasks (grace), a second one hands them back at once. With --once: works off what is waiting and due, then ends with 0 when all ended well, 1 when a task failed or was refused, 2 when tasks still wait.',
  options: {
    once: { type: 'boolean', describe: 'Work off what is waiting and due, then end' },
    runner: {
      type: 'string',
      choices: RUNNER_NAMES,
      describe: 'Instead of the configuration’s runner; CLAUDE_MOCK_TEST=1 puts the simulator in the place of claude',
    },
    mailbox: {
      type: 'string',
      array: true,
      describe: 'Serve this mailbox, not those of the configuration; may be repeated',
    },
    'log-level': { type: 'string', choices: LOG_LEVELS, default: 'info', describe: 'How much goes to .mailboxd/logs' },
  },
  examples: [
    ['mailboxd start', 'serve until Ctrl-C'],
    ['mailboxd start --once', 'work off what is there, for cron'],
  ],
  json: false,
  async run(args, cli) {
    cli.io.outliveReader();
    try {
      const root = await prepare(cli, args.mailbox);
      return serviceExitCode(await serve(cli, root, args), cli.io.env);
    } catch (error) {
      // A configuration error must not be tried again for ever: under a service its code may be another.
      return serviceExitCode(reportError(error, cli.io, false), cli.io.env);
    }
  },
});

/** The root with a configuration. `--mailbox` is enough to write one; without a name there is none to be had. */
async function prepare(cli: Cli, mailboxes: string[] | undefined): Promise<Root> {
  const bad = mailboxes?.find((name) => !isMailboxName(name));
  if (bad !== undefined) throw new MailboxError('usage', `found the mailbox name ${JSON.stringify(bad.slice(0, 80))}`);
  const dir = cli.rootDir();
  const root = cli.root();
  if (!root.configured) {
    const [first, ...more] = mailboxes ?? [];
    if (first === undefined) {
      throw new MailboxError('invalid', `found no .mailboxd/config.yaml in ${dir}`, {
        hint: 'say what this host is called and serves: mailboxd init --as NAME [--mailbox NAME]…',
      });
    }
    await initRoot({ dir, as: first, mailboxes: more });
    cli.note(`wrote ${dir}/.mailboxd/config.yaml: this host is ${first}`);
    const { readRoot } = await import('../../mailbox/root.js');
    return readRoot(dir);
  }
  if (root.config.serve.length === 0 && !mailboxes?.length) {
    throw new MailboxError('invalid', 'found no mailbox to serve', {
      hint: 'name one under `serve` in .mailboxd/config.yaml, or with mailboxd start --mailbox NAME',
    });
  }
  return root;
}

async function serve(
  cli: Cli,
  root: Root,
  args: { once: boolean | undefined; runner: string | undefined; mailbox: string[] | undefined; 'log-level': string },
): Promise<number> {
  const { io } = cli;
  const mock = args.runner === undefined ? mockRunner(root.config.runner, io.env) : undefined;
  const runner = args.runner ?? mock ?? root.config.runner;
  const mailboxes = [...new Set(args.mailbox?.length ? args.mailbox : root.config.serve)];
  cli.line(`mailboxd serves ${mailboxes.join(', ')} in ${root.dir}`);
  if (mock !== undefined) cli.line('CLAUDE_MOCK_TEST=1, so the built-in simulator answers');
  await tellRunner(cli, root, runner);

  const level = LOG_LEVELS.find((name) => name === args['log-level']) ?? 'info';
  const logger = createLogger({ dir: logDirOf(root.dir), level });
  const printer = createStartPrinter({
    write: (text) => void io.stdout.write(text),
    paint: cli.paint,
    clock,
    ...(io.isTTY.stdout && { columns: io.columns }),
    ...(args.once !== true && { onStarted: () => tellNext(cli, root, mailboxes) }),
  });
  const left = { told: 0, failed: 0, waiting: new Set<string>() };
  let daemon: Daemon | undefined;
  await using notifier = createNotifier(io.env, {
    isHealthy: () => daemon === undefined || performance.now() - daemon.lastTurn < OVERDUE,
    onProblem: (message) => logger.warn(message),
  });
  const onEvent = (event: DaemonEvent): void => {
    left.told += event.type === 'started' ? 0 : 1;
    logEvent(logger, event);
    printer.tell(event);
    if (event.type === 'refused' || (event.type === 'finished' && event.outcome !== 'complete')) left.failed += 1;
    if (event.type === 'handed back') left.waiting.add(event.id);
    if (event.type === 'finished') left.waiting.delete(event.id);
    if (event.type === 'held') left.waiting.add(event.name);
    if (event.type === 'parked') notifier.status(`${event.parked.mailbox} is parked: ${event.parked.message}`);
  };

  let signals = 0;
  const release = io.onSignal((signal) => {
    signals += 1;
    logger.info({ signal }, 'asked to stop');
    notifier.stopping(signals === 1 ? 'waiting for running tasks' : 'handing tasks back');
    void daemon?.stop(signals === 1 ? undefined : 0);
  });
  try {
    daemon = await startDaemon({
      root: root.dir,
      mailboxes,
      environment: io.env,
      onEvent,
      runner,
      ...(args.once !== undefined && { once: args.once }),
    });
    notifier.ready(`serves ${mailboxes.join(', ')}`);
    // A signal while it was starting.
    if (signals > 0) void daemon.stop(signals === 1 ? undefined : 0);
    await daemon.ended;
  } catch (error) {
    logger.error({ err: error }, 'the daemon ended');
    throw error;
  } finally {
    release();
  }
  logger.info('stopped');
  if (args.once !== true) return EXIT.done;
  if (left.told === 0) cli.line('nothing was waiting');
  const isParked = readParked(root.dir).some((item) => mailboxes.includes(item.mailbox));
  if (left.failed > 0) return EXIT.failed;
  return left.waiting.size > 0 || isParked ? EXIT.waiting : EXIT.done;
}

/** Which runner it is and whether it can run; where it cannot, tasks wait (the runner parks their mailbox). */
async function tellRunner(cli: Cli, root: Root, name: string): Promise<void> {
  const config = structuredClone(root.config);
  config.runners.claude.warm = 0;
  const runner = createRunner(name, config, { scratch: scratchDir(root.dir), environment: cli.io.env });
  try {
    const { ok, message, hint } = await runner.check();
    cli.line(`runner: ${name}: ${safeLine(message)}${ok ? '' : cli.paint('yellow', '; tasks wait until it can')}`);
    if (!ok && hint !== undefined) cli.line(`  ${safeLine(hint)}`);
  } catch (error) {
    if (error instanceof MailboxError && EXIT_OF_ERROR[error.code] === EXIT.usage) throw error;
    cli.line(`runner: ${name}: ${error instanceof Error ? safeLine(error.message) : ''}`);
  } finally {
    await runner.close();
  }
}

function tellNext(cli: Cli, root: Root, mailboxes: readonly string[]): void {
  const last = mailboxes.at(-1) ?? '';
  cli.line(
    cli.paint(
      'dim',
      `Drop a markdown file into mailboxes/${last}/inbox/, or: ${cli.io.program ?? 'mailboxd'} send ${last} "Say hello" --wait`,
    ),
  );
  cli.line(cli.paint('dim', `Ctrl-C stops. Log: ${logFileOf(logDirOf(root.dir))}`));
}

function clock(): string {
  return new Date().toTimeString().slice(0, 8);
}
