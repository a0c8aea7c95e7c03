/**
 * What a commit on main holds: files by path, as git has them. A file is abstracted to tokens: each thing that a person
 * wrote and each run is one word, so that "nothing is lost" can be counted.
 */
import type { Rules } from './rules.js';

export type Folder = 'inbox' | 'in_progress' | 'complete' | 'failed';

export interface File {
  /** None yet: a bare file that a person dropped. */
  readonly id: string | null;
  /** What people wrote, sorted: the message itself (`m`) and edits (`m+1`). */
  readonly text: readonly string[];
  /** The runs whose output it holds, sorted (`m#1@A2`: message, epoch, host, claim). */
  readonly runs: readonly string[];
  readonly epoch: number;
}

/** Path (`x/inbox/a`: mailbox, folder, name) → file; keys sorted. */
export type Tree = Readonly<Record<string, File>>;

/** A file and where it lay. */
export interface Copy {
  readonly path: string;
  readonly file: File;
}

export function splitPath(path: string): { box: string; folder: Folder; name: string } {
  const [box = '', folder = '', name = ''] = path.split('/');
  return { box, folder: folder as Folder, name };
}

export function inFolder(path: string, folder: Folder): string {
  const { box, name } = splitPath(path);
  return `${box}/${folder}/${name}`;
}

export function copiesOf(tree: Tree): Copy[] {
  return Object.entries(tree).map(([path, file]) => ({ path, file }));
}

export function makeFile(file: File): File {
  const { id, text, runs, epoch } = file;
  return { id, text: text.toSorted(), runs: runs.toSorted(), epoch };
}

export function union(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])].sort();
}

export function sameFile(a: File, b: File): boolean {
  return a.id === b.id && a.epoch === b.epoch && sameWords(a.text, b.text) && sameWords(a.runs, b.runs);
}

export function sameWords(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((word, i) => word === b[i]);
}

export function remove(tree: Tree, path: string): Tree {
  return Object.fromEntries(Object.entries(tree).filter(([other]) => other !== path));
}

/** Puts a file where no other one of its own message is. Two messages of one name end as two files. */
export function put(tree: Tree, path: string, file: File, rules: Rules): Tree {
  const free = tree[path] === undefined || !rules.clash_keeps_both ? path : `${path}~${file.text[0] ?? ''}`;
  const entries = Object.entries(remove(tree, free));
  entries.push([free, makeFile(file)]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The message's first words, by which the checks know it whatever happens to its id and place. */
export function birthOf(file: File): string {
  return file.text.find((word) => !word.includes('+')) ?? '';
}

/** The id that a winner gives to a bare file. */
export function mintId(host: string, nonce: number): string {
  return `by-${host}${nonce}`;
}

export function isMinted({ id }: File): boolean {
  return id?.startsWith('by-') ?? false;
}

/** Whether one is the other with edits: likeness, as git finds renames. */
export function isAlike(a: File, b: File): boolean {
  return a.text.every((word) => b.text.includes(word)) || b.text.every((word) => a.text.includes(word));
}
