/**
 * One call of the program: words in, an exit code out. yargs reads the words; a command's own file says which it takes
 * and does the work; faults end here.
 */
import { readFileSync } from 'node:fs';
import type { Argv, Options } from 'yargs';
import { MailboxError } from '../core/errors.js';
import { COMMANDS, type CommandEntry, nameOfCommand } from './command-list.js';
import type { Command } from './command.js';
import { EXIT } from './exit-codes.js';
import type { Io } from './io.js';
import { reportError } from './report-error.js';
import { nearestName } from '../schema/nearest.js';

const JSON_OPTION = { type: 'boolean', describe: 'Print JSON, in the shape that docs/cli.md documents' } as const;
const ROOT_OPTION = {
  type: 'string',
  requiresArg: true,
  describe: 'The root; else MAILBOXD_ROOT, else the nearest parent that holds mailboxes/',
} as const;

/** Never throws and never ends the process. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  const own = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
  try {
    if (own.length === 1 && (own[0] === '--version' || own[0] === '-v')) {
      io.stdout.write(`${readVersion()}\n`);
      return EXIT.done;
    }
    if (own[0] === '--get-completions') {
      const { completeWords } = await import('./complete.js');
      for (const word of await completeWords(argv.slice(1), io)) io.stdout.write(`${word}\n`);
      return EXIT.done;
    }
    return await parseAndRun(argv, io);
  } catch (error) {
    return reportError(error, io, own.includes('--json'));
  }
}

export function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

async function parseAndRun(argv: readonly string[], io: Io): Promise<number> {
  const { default: yargs } = await import('yargs');
  let code: number = EXIT.done;
  let current: Command | undefined;
  const parser = yargs([], io.cwd)
    .scriptName('mailboxd')
    .usage('$0 <command>\n\nA mailbox daemon for Claude instances, made of files.')
    .option('root', { ...ROOT_OPTION })
    .parserConfiguration({
      'greedy-arrays': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'dot-notation': false,
      'camel-case-expansion': false,
    })
    .detectLocale(false)
    .locale('en')
    .version(readVersion())
    .help()
    .alias('help', 'h')
    .alias('version', 'v')
    .wrap(Math.min(100, io.columns))
    .demandCommand(1, 'found no command')
    .strict()
    .exitProcess(false)
    .showHelpOnFail(false)
    // It must throw: if it returns, yargs runs the handler all the same.
    .fail((message: string | null, error: Error | null) => {
      throw error ?? usageError(message ?? 'found arguments that make no sense', argv, current);
    })
    .epilogue(
      'Exit codes: 0 done, 1 failed or no, 2 still waiting, 3 not found, 4 held, 64 usage, 69 unavailable, 77 refused.',
    );
  for (const entry of COMMANDS) {
    parser.command(
      entry.usage,
      entry.summary,
      async (y: Argv, isHelp?: boolean) => {
        ({ command: current } = await entry.load());
        declareCommand(y, current, isHelp === true);
        return isHelp ? describeCommand(y, entry, current) : y;
      },
      async (values) => {
        const { command } = await entry.load();
        rejectRepeats(values, command);
        takeWordsAfterDashes(values, command);
        restoreHyphens(values, command, argv);
        const root = values['root'];
        const { createCli } = await import('./surroundings.js');
        const cli = createCli(io, { root: typeof root === 'string' ? root : undefined, json: values['json'] === true });
        code = await command.run(values, cli);
      },
    );
  }
  let shown = '';
  try {
    await parser.parseAsync([...argv], {}, (_error: unknown, _values: unknown, output: string) => {
      shown += output;
    });
  } catch (error) {
    // yargs' own faults, some of which pass `fail` by.
    if (error instanceof Error && error.name === 'YError') throw usageError(error.message, argv, current);
    throw error;
  }
  if (shown !== '') io.stdout.write(`${shown.trimEnd()}\n`);
  return code;
}

/** yargs lays out the help of every command that it runs, for 25 ms; of what is hidden there is nothing to lay out. */
function declareCommand(y: Argv, command: Command, isHelp: boolean): void {
  const hidden = !isHelp;
  for (const [name, option] of Object.entries(command.positionals)) y.positional(name, { ...option, hidden });
  for (const [name, option] of Object.entries(command.options)) y.option(name, { ...withArgument(option), hidden });
  if (command.json) y.option('json', { ...JSON_OPTION, hidden });
}

function describeCommand(y: Argv, entry: CommandEntry, command: Command): Argv {
  y.usage(`$0 ${entry.usage}\n\n${command.about}`);
  for (const [line, what] of command.examples) y.example(line, what);
  return y.epilogue(`docs/cli.md says more.`);
}

/** An option that takes a value must be given one: `--from --json` is a mistake, not an empty name. */
function withArgument(option: Options): Options {
  return option.type === 'boolean' ? option : { ...option, requiresArg: true };
}

/** `send server -- "- a list"`: yargs leaves what stands after `--` to us. */
function takeWordsAfterDashes(values: Record<string, unknown>, command: Command): void {
  const words = (Array.isArray(values['_']) ? values['_'] : []).slice(1).map(String);
  for (const name of Object.keys(command.positionals)) {
    if (values[name] === undefined && words.length > 0) values[name] = words.shift();
  }
  if (words.length > 0) {
    throw new MailboxError('usage', `found ${JSON.stringify(words[0])} where no argument is expected`, {
      hint: 'put a text with spaces in quotes',
    });
  }
}

/** `send server -`: yargs makes an empty text of a hyphen alone. */
function restoreHyphens(values: Record<string, unknown>, command: Command, argv: readonly string[]): void {
  if (!argv.includes('-') || argv.includes('')) return;
  for (const name of Object.keys(command.positionals)) if (values[name] === '') values[name] = '-';
}

/** Where yargs would hand on a list, as for `--from a --from b`. */
function rejectRepeats(values: Record<string, unknown>, command: Command): void {
  for (const [name, value] of Object.entries(values)) {
    if (name === '_' || !Array.isArray(value)) continue;
    const option = command.options[name];
    if (option?.type === 'array' || option?.array) continue;
    throw new MailboxError('usage', `found --${name} ${value.length} times, expected it once`);
  }
}

/** yargs' complaint in the form of ours, with the nearest name there is. */
function usageError(message: string, argv: readonly string[], command: Command | undefined): MailboxError {
  const unknown = /^Unknown (?:argument|command)s?: (.*)$/.exec(message)?.[1]?.split(', ')[0];
  if (unknown === undefined) {
    const said = message
      .replace(
        /^Not enough non-option arguments: got (\d+), need at least (\d+)$/,
        'found $1 arguments, expected at least $2',
      )
      .replace(/^Not enough arguments following: (.*)$/, '--$1: found no value, expected one')
      .replace(/\s*\n\s*/g, ' ');
    const hint =
      command === undefined ? 'mailboxd --help lists the commands' : 'mailboxd <command> --help lists its arguments';
    return new MailboxError('usage', said, { hint });
  }
  const isOption = argv.some((word) => /^--?/.test(word) && word.replace(/^--?(no-)?/, '').split('=')[0] === unknown);
  if (isOption) {
    const known = [
      'root',
      'help',
      'version',
      ...(command?.json ? ['json'] : []),
      ...Object.keys(command?.options ?? {}),
    ];
    const near = nearestName(unknown, known);
    const hint = near === undefined ? '--help lists the options' : `did you mean --${near}?`;
    return new MailboxError('usage', `found the option --${unknown}, which is none`, { hint });
  }
  if (command === undefined) {
    const near = nearestName(unknown, COMMANDS.map(nameOfCommand));
    const hint = near === undefined ? 'mailboxd --help lists the commands' : `did you mean ${near}?`;
    return new MailboxError('usage', `found the command ${JSON.stringify(unknown)}, which is none`, { hint });
  }
  return new MailboxError('usage', `found ${JSON.stringify(unknown)} where no argument is expected`, {
    hint: 'put a text with spaces in quotes',
  });
}
