/** What the Tab key offers. The shell asks `mailboxd --get-completions <words…>`; the last word is being typed. */
import { findRoot } from '../mailbox/root.js';
import { listTemplates } from '../mailbox/template.js';
import { listMailboxes } from '../store/list.js';
import type { Command } from './command.js';
import { COMMANDS, nameOfCommand } from './command-list.js';
import type { Io } from './io.js';

/** Never throws: where nothing is known, nothing is offered. */
export async function completeWords(words: readonly string[], io: Io): Promise<string[]> {
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const offer = (candidates: readonly string[]): string[] => candidates.filter((word) => word.startsWith(typed));
  const entry = COMMANDS.find((item) => before.includes(nameOfCommand(item)));
  if (!entry) return offer(typed.startsWith('-') ? ['--help', '--version', '--root'] : COMMANDS.map(nameOfCommand));
  const { command } = await entry.load();
  const root = rootOf(before, io);
  if (typed.startsWith('-')) {
    return offer(
      [...Object.keys(command.options), ...(command.json ? ['json'] : []), 'root', 'help'].map((name) => `--${name}`),
    );
  }
  const option = /^--([a-z-]+)$/.exec(before.at(-1) ?? '')?.[1];
  const choices = option === undefined ? undefined : valuesOf(command, option, root);
  if (choices) return offer(choices);
  const given = before.slice(before.indexOf(nameOfCommand(entry)) + 1).filter((word) => !word.startsWith('-')).length;
  const wanted = /[<[]([a-z]+)[>\]]/g;
  const positional = [...entry.usage.matchAll(wanted)][given]?.[1];
  return offer(positional === undefined ? [] : (valuesOf(command, positional, root) ?? []));
}

/** Undefined for a switch, which takes no value. */
function valuesOf(command: Command, name: string, root: string | undefined): readonly string[] | undefined {
  const definition = command.options[name] ?? command.positionals[name];
  if (definition?.type === 'boolean') return undefined;
  if (definition?.choices) return definition.choices.map(String);
  if (root === undefined) return [];
  if (name === 'mailbox' || name === 'to' || name === 'from') return listMailboxes(root);
  return name === 'template' ? listTemplates(root) : [];
}

function rootOf(words: readonly string[], io: Io): string | undefined {
  const at = words.indexOf('--root');
  try {
    return findRoot(at === -1 ? undefined : words[at + 1], io.cwd, io.env);
  } catch {
    return undefined;
  }
}
