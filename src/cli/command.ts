/** What a command is, and what it is given. */
import type { InferredOptionType, Options, PositionalOptions } from 'yargs';
import type { Mailboxes } from '../mailbox/open.js';
import type { Root } from '../mailbox/root.js';
import type { Io } from './io.js';
import type { Style } from './terminal-text.js';

/** The surroundings of one call of a command. */
export interface Cli {
  readonly io: Io;
  /** `--json` was given. */
  readonly json: boolean;
  /** The root's directory: `--root`, else MAILBOXD_ROOT, else the nearest parent with `mailboxes/`. Throws `not_found`. */
  rootDir(): string;
  /** The root and its configuration. */
  root(): Root;
  /** The façade; the command closes it (`await using`). */
  desk(): Promise<Mailboxes>;
  /** An id, a beginning of one or a path, as the façade takes it: paths are relative to the current directory. */
  reference(text: string): string;
  /** In whose name: `given`, else CLAUDE_ID, else `as` of the configuration. */
  sender(given: string | undefined): string | undefined;
  /** A line of our own words on stdout; what it quotes from messages went through `safe`. */
  line(text: string): void;
  /** A piece of a message's text on stdout: byte for byte in a pipe, without control characters on a terminal. */
  text(piece: string): void;
  /** A line on stderr, for notes that are no data. */
  note(text: string): void;
  /** The one JSON value of `--json`. */
  data(value: unknown): void;
  /** One of several JSON values, a line each. */
  dataLine(value: unknown): void;
  paint(style: Style, text: string): string;
}

type Values<T extends Record<string, Options | PositionalOptions>> = { [K in keyof T]: InferredOptionType<T[K]> };

export interface Command {
  /** What the command does, in a few sentences for its `--help`. */
  readonly about: string;
  readonly positionals: Readonly<Record<string, PositionalOptions>>;
  readonly options: Readonly<Record<string, Options>>;
  readonly examples: readonly (readonly [command: string, what: string])[];
  /** False for a command that prints no data. */
  readonly json: boolean;
  /** Returns the exit code. */
  run(values: Record<string, unknown>, cli: Cli): Promise<number>;
}

/** Declares a command; `run` gets its arguments with their types. */
export function defineCommand<
  const P extends Record<string, PositionalOptions> = Record<never, never>,
  const O extends Record<string, Options> = Record<never, never>,
>(command: {
  about: string;
  positionals?: P;
  options?: O;
  examples: [command: string, what: string][];
  json?: boolean;
  run(values: Values<P> & Values<O>, cli: Cli): Promise<number>;
}): Command {
  return {
    about: command.about,
    positionals: command.positionals ?? {},
    options: command.options ?? {},
    examples: command.examples,
    json: command.json ?? true,
    run: (values, cli) => command.run(values as Values<P> & Values<O>, cli),
  };
}
