import { createInterface } from 'node:readline';
import { MailboxError } from '../../core/errors.js';
import type { TaskOptions } from '../../core/message.js';
import { readServing, ringBell } from '../../mailbox/serving.js';
import { mockRunner, RUNNER_NAMES } from '../../runners/index.js';
import type { RunEvent } from '../../runners/port.js';
import { given, wholeNumber } from '../arguments.js';
import { type Cli, defineCommand } from '../command.js';
import { readMessageText } from '../message-text.js';
import { type Conversation, startConversation } from '../run/conversation.js';
import { parseTurn } from '../run/turns.js';
import { safeLine } from '../terminal-text.js';

export const command = defineCommand({
  about:
    'Takes turns on standard input, puts them into one task of this host’s own mailbox while it runs, and prints its events. Without a daemon that serves the mailbox it runs the task itself.',
  options: {
    'input-format': {
      type: 'string',
      choices: ['stream-json', 'text'],
      default: 'stream-json',
      describe: 'JSON lines, or one text',
    },
    'output-format': {
      type: 'string',
      choices: ['stream-json', 'text'],
      default: 'stream-json',
      describe: 'Events as JSON lines, or the answer’s text',
    },
    mailbox: { type: 'string', describe: 'The mailbox; else CLAUDE_ID, else this host’s instance' },
    from: { type: 'string', describe: 'The sender; by default the mailbox itself' },
    subject: { type: 'string', describe: 'One line that says what it is about' },
    model: { type: 'string', describe: 'The model' },
    'max-turns': { type: 'string', describe: 'The most turns' },
    'max-attempts': { type: 'string', describe: 'Runs of one task that may end in error' },
    runner: { type: 'string', choices: RUNNER_NAMES, describe: 'The runner, where this runs the task itself' },
    verbose: { type: 'boolean', describe: 'Taken for the CLI’s sake; changes nothing' },
  },
  examples: [
    [
      `echo '{"type":"user","message":"Say hello"}' | mailboxd run --input-format stream-json --output-format stream-json`,
      'a task as a pipe',
    ],
  ],
  json: false,
  async run(args, cli) {
    const root = cli.root();
    const mailbox = args.mailbox ?? cli.sender(undefined);
    if (mailbox === undefined)
      throw new MailboxError('usage', 'found no mailbox to run in', {
        hint: 'name one with --mailbox, CLAUDE_ID, or `as` in .mailboxd/config.yaml',
      });
    const options: TaskOptions = given({
      model: args.model,
      max_turns: wholeNumber('max-turns', args['max-turns'], 1),
    });
    await using desk = await cli.desk();
    const own = new Set<string>();
    const print = args['output-format'] === 'text' ? createTextPrinter(cli) : createLinePrinter(cli);
    const conversation = startConversation({
      desk,
      mailbox,
      from: args.from ?? mailbox,
      options,
      fields: given({ subject: args.subject, max_attempts: wholeNumber('max-attempts', args['max-attempts'], 1) }),
      onTask(sent) {
        cli.note(`task ${sent.id}: ${safeLine(`mailboxes/${mailbox}/inbox/${sent.place.name}`)}`);
        own.add(sent.place.name);
        ringBell(root.dir);
      },
      onEvent: print,
    });
    await using _daemon = await daemonFor(cli, mailbox, args.runner, own, (why) => conversation.abandon(why));
    const stop = new AbortController();
    const release = cli.io.onSignal(() => {
      stop.abort();
      conversation.quit();
    });
    try {
      const count =
        args['input-format'] === 'text'
          ? await readOne(cli, conversation.say)
          : await readTurns(cli, conversation, stop.signal);
      conversation.end();
      const exit = await conversation.done;
      if (count === 0)
        throw new MailboxError('usage', 'found no turn on standard input', {
          hint: 'pipe in lines such as {"type":"user","message":"Say hello"}',
        });
      return exit;
    } finally {
      conversation.end();
      release();
    }
  },
});

async function readOne(cli: Cli, say: (text: string) => void): Promise<number> {
  say(await readMessageText(cli, undefined, undefined));
  return 1;
}

/** How many turns there were. A malformed line is told and skipped. */
async function readTurns(cli: Cli, conversation: Conversation, signal: AbortSignal): Promise<number> {
  let count = 0;
  let number = 0;
  const lines = createInterface({ input: cli.io.stdin, crlfDelay: Number.POSITIVE_INFINITY, signal });
  for await (const line of lines) {
    number += 1;
    const turn = parseTurn(line);
    if (turn.kind === 'malformed') cli.note(`mailboxd: line ${number} is skipped: ${safeLine(turn.why)}`);
    if (turn.kind === 'interrupt') await conversation.interrupt();
    if (turn.kind !== 'say') continue;
    count += 1;
    conversation.say(turn.text);
  }
  cli.io.stdin.destroy(); // after a signal it would hold the process
  return count;
}

/** A daemon of our own where none serves the mailbox: it runs our tasks alone. */
async function daemonFor(
  cli: Cli,
  mailbox: string,
  given: string | undefined,
  own: ReadonlySet<string>,
  onParked: (why: string) => void,
): Promise<AsyncDisposable | undefined> {
  const { dir, config } = cli.root();
  if (readServing(dir).some((serving) => serving.mailboxes.includes(mailbox))) return undefined;
  const mock = given === undefined ? mockRunner(config.runner, cli.io.env) : undefined;
  if (mock !== undefined) cli.note('CLAUDE_MOCK_TEST=1, so the built-in simulator answers');
  const { startDaemon } = await import('../../daemon/daemon.js');
  return startDaemon({
    root: dir,
    mailboxes: [mailbox],
    accepts: (_mailbox, name) => own.has(name),
    environment: cli.io.env,
    onEvent(event) {
      if (event.type === 'trouble')
        cli.note(`mailboxd: ${safeLine(event.message)}${event.hint ? ` (${safeLine(event.hint)})` : ''}`);
      // Nobody would try again once we end, so there is nothing to wait for.
      if (event.type === 'parked') onParked(event.parked.message);
    },
    runner: given ?? mock ?? config.runner,
  });
}

type EventPrinter = (event: RunEvent, messageId: string) => void;

function createLinePrinter(cli: Cli): EventPrinter {
  return (event, messageId) => cli.dataLine({ ...event, message_id: messageId });
}

/** The text as it streams; where nothing streamed, the result. */
function createTextPrinter(cli: Cli): EventPrinter {
  let shown = false;
  return (event) => {
    if (event.type === 'Progress' && event.kind === 'text') {
      shown = true;
      cli.text(event.content);
    } else if (event.type === 'Result') {
      cli.text(shown ? '\n' : `${event.result}\n`);
      shown = false;
    } else if (event.type === 'Error') cli.note(`mailboxd: ${safeLine(event.message)}`);
  };
}
