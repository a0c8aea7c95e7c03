import { resolve } from 'node:path';
import { MailboxError, messageOf } from '../../core/errors.js';
import {
  CRASH_POLICIES,
  MESSAGE_TYPES,
  type MessageFields,
  PERMISSION_MODES,
  PRIORITIES,
  type TaskOptions,
} from '../../core/message.js';
import { systemClock } from '../../mailbox/clock.js';
import { sendMessage, type Sent } from '../../mailbox/send.js';
import { placeSummary } from '../../mailbox/message-summary.js';
import { amount, duration, given, pairs, timeFrom, wholeNumber } from '../arguments.js';
import { type Cli, defineCommand } from '../command.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { readFile, readMessageText } from '../message-text.js';
import { giveUpAfter } from '../give-up.js';

const text = (describe: string) => ({ type: 'string', describe }) as const;
const list = (describe: string) => ({ type: 'string', array: true, describe }) as const;

const FIELDS = {
  type: { type: 'string', choices: MESSAGE_TYPES, describe: 'task is run, chat is read (default: task)' },
  from: text('The sender; else CLAUDE_ID, else this host’s instance'),
  subject: text('One line that says what it is about'),
  context: text('Background, put before the text'),
  priority: { type: 'string', choices: PRIORITIES, describe: 'Which waiting task goes first' },
  thread: text('Messages of one thread belong together'),
  'reply-to': text('The message that this one answers'),
  'not-before': text('Wait until this time, or for this long (2h)'),
  timeout: text('The longest one run may take (10m)'),
  'max-attempts': text('Runs that may end in error'),
  'on-crash': { type: 'string', choices: CRASH_POLICIES, describe: 'What to do with a run that was cut off' },
  reply: { type: 'boolean', describe: 'Ask for a chat with the result' },
  attach: list('A file to send along; may be repeated'),
  metadata: list('key=value to keep with it; may be repeated'),
  traceparent: text('W3C trace context'),
} as const;

const OPTIONS = {
  runner: text('The runner, if the host allows it'),
  model: text('The model'),
  'fallback-model': text('The model when the first is overloaded'),
  'system-prompt': text('Replaces the system prompt'),
  'append-system-prompt': text('Added to the system prompt'),
  'max-turns': text('The most turns'),
  'max-budget-usd': text('The most it may cost'),
  'allowed-tools': list('A tool to use without asking; may be repeated'),
  'disallowed-tools': list('A tool not to use; may be repeated'),
  'permission-mode': {
    type: 'string',
    choices: PERMISSION_MODES,
    describe: 'How tools that need permission are treated',
  },
  'resume-session': text('Go on with this session'),
  'working-dir': text('The directory to run in'),
  'add-dirs': list('A further directory; may be repeated'),
  'mcp-servers': list('An MCP server of the host; may be repeated'),
  'output-format': { type: 'string', choices: ['text', 'json'], describe: 'json asks for a value' },
  'output-schema': text('JSON Schema of the answer: a file, or JSON'),
} as const;

export const command = defineCommand({
  about: 'Writes a message file and delivers it. It is on the disk when this returns; a daemon need not run.',
  positionals: {
    to: { type: 'string', demandOption: true, describe: 'The mailbox' },
    text: { type: 'string', describe: 'The text; - or nothing reads it from standard input' },
  },
  options: {
    file: text('Read the text from this file, front matter included'),
    template: text('Fill in templates/<name>.md of the root'),
    var: list('key=value for the template; may be repeated'),
    sign: text('Sign it with this SSH key; else the `sign` of config.yaml, if any (--no-sign: not at all)'),
    wait: { type: 'boolean', describe: 'Print the answer as it comes, and exit by the outcome' },
    'give-up': text('With --wait: stop waiting after this long (exit 2)'),
    ...FIELDS,
    ...OPTIONS,
  },
  examples: [
    ['mailboxd send server "Scrape the feeds" --priority high', 'send a task'],
    ['mailboxd send server --file task.md --wait', 'send a file, and wait for the answer'],
    ['git diff | mailboxd send reviewer --subject Review', 'send what another program prints'],
  ],
  async run(args, cli) {
    const root = cli.root();
    const now = systemClock.now();
    const patience = duration('give-up', args['give-up']);
    const sender = cli.sender(args.from);
    const fields: MessageFields = {
      ...given({
        type: args.type,
        from: sender,
        subject: args.subject,
        context: args.context,
        priority: args.priority,
        thread: args.thread,
        in_reply_to: await idOf(cli, args['reply-to']),
        not_before: timeFrom('not-before', args['not-before'], now),
        timeout: args.timeout,
        max_attempts: wholeNumber('max-attempts', args['max-attempts'], 1),
        on_crash: args['on-crash'],
        reply: args.reply,
        metadata: args.metadata && pairs('metadata', args.metadata),
        traceparent: args.traceparent,
      }),
    };
    const options: TaskOptions = given({
      runner: args.runner,
      model: args.model,
      fallback_model: args['fallback-model'],
      system_prompt: args['system-prompt'],
      append_system_prompt: args['append-system-prompt'],
      max_turns: wholeNumber('max-turns', args['max-turns'], 1),
      max_budget_usd: amount('max-budget-usd', args['max-budget-usd']),
      allowed_tools: args['allowed-tools'],
      disallowed_tools: args['disallowed-tools'],
      permission_mode: args['permission-mode'],
      resume_session: args['resume-session'],
      working_dir: args['working-dir'] === undefined ? undefined : resolve(cli.io.cwd, args['working-dir']),
      add_dirs: args['add-dirs']?.map((dir) => resolve(cli.io.cwd, dir)),
      mcp_servers: args['mcp-servers'],
      output_format: args['output-format'] as 'text' | 'json' | undefined,
      output_schema: schemaOf(cli, args['output-schema']),
    });
    if (Object.keys(options).length > 0) fields.options = options;
    const sent = await sendMessage(root, systemClock, {
      to: args.to,
      text: await textOf(cli, args),
      fields,
      attach: (args.attach ?? []).map((path) => resolve(cli.io.cwd, path)),
      ...signingOf(cli, args.sign),
    });
    const summary = { id: sent.id, ...placeSummary(root.dir, sent.place), created_mailbox: sent.created_mailbox };
    if (sent.created_mailbox) cli.note(await newMailboxNote(root.dir, args.to, args.wait === true));
    if (args.wait) return wait(cli, root.dir, sent, summary, patience);
    if (cli.json) cli.data(summary);
    else if (!cli.io.isTTY.stdout) cli.line(sent.id);
    else {
      cli.line(`sent to ${args.to}${sent.created_mailbox ? ', a new mailbox' : ''}: ${cli.paint('bold', sent.id)}`);
      cli.line(cli.paint('dim', `  ${summary.path}`));
    }
    return EXIT.done;
  },
});

/** `--sign KEY`, or `--no-sign`, which comes as `false`; without either, `sign` of the configuration holds. */
function signingOf(cli: Cli, given: string | undefined): { sign?: string | false; mayAsk: boolean } {
  const mayAsk = cli.io.isTTY.stderr;
  if (given === undefined) return { mayAsk };
  if ((given as unknown) === false) return { sign: false, mayAsk };
  return { sign: resolve(cli.io.cwd, given.replace(/^~(?=\/)/, cli.io.env['HOME'] ?? '~')), mayAsk };
}

/** A typing mistake in the name makes a mailbox where nobody looks. */
async function newMailboxNote(root: string, mailbox: string, isWaiting: boolean): Promise<string> {
  const { readServing } = await import('../../mailbox/serving.js');
  const isServed = readServing(root).some((serving) => serving.mailboxes.includes(mailbox));
  // Who waits is told that by the waiting.
  const served =
    isServed || isWaiting ? '' : `, which no daemon on this host serves (mailboxd start --mailbox ${mailbox})`;
  return `mailboxd: made the new mailbox ${mailbox}${served}`;
}

async function wait(
  cli: Cli,
  root: string,
  sent: Sent,
  summary: Record<string, unknown>,
  patience: number | undefined,
): Promise<ExitCode> {
  const { showFollowing } = await import('../follow-output.js');
  await using desk = await cli.desk();
  const stop = new AbortController();
  const { signal } = stop;
  giveUpAfter(patience, stop);
  const events = desk.follow(sent, { signal, fromStart: true });
  const ending = await showFollowing(cli, root, events, { quiet: cli.json });
  stop.abort();
  if (cli.json) {
    const place = ending.place ? placeSummary(root, ending.place) : {};
    cli.data({
      ...summary,
      ...place,
      outcome: ending.outcome,
      result: ending.result,
      structured_output: ending.structured_output,
    });
  } else if (ending.exit === EXIT.waiting) {
    cli.note(`still waiting; go on with: mailboxd tail ${sent.id}`);
  }
  return ending.exit;
}

interface TextSource {
  text: string | undefined;
  file: string | undefined;
  template: string | undefined;
  var: string[] | undefined;
}

async function textOf(cli: Cli, args: TextSource): Promise<string> {
  if (args.template === undefined) {
    if (args.var?.length) throw new MailboxError('usage', 'found --var without --template');
    return readMessageText(cli, args.text, args.file);
  }
  if (args.text !== undefined || args.file !== undefined) {
    throw new MailboxError('usage', 'found --template and another text, expected one of them');
  }
  const { fillTemplate } = await import('../../mailbox/template.js');
  return fillTemplate(cli.rootDir(), args.template, pairs('var', args.var));
}

async function idOf(cli: Cli, reference: string | undefined): Promise<string | undefined> {
  if (reference === undefined || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(reference)) return reference;
  await using desk = await cli.desk();
  return (await desk.find(cli.reference(reference))).id;
}

function schemaOf(cli: Cli, given: string | undefined): Record<string, unknown> | undefined {
  if (given === undefined) return undefined;
  const source = given.trimStart().startsWith('{') ? given : readFile(resolve(cli.io.cwd, given)).toString('utf8');
  try {
    return JSON.parse(source) as Record<string, unknown>;
  } catch (cause) {
    throw new MailboxError('usage', `--output-schema: ${messageOf(cause)}, expected a JSON Schema`, { cause });
  }
}
