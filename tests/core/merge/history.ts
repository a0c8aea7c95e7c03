import { isPersonsMove } from '../../../src/core/merge/place.js';
import { type FileVersion, locate } from '../../../src/core/merge.js';
import { claim, finish } from './claims.js';
import { applyEdits, file, textOf, type Tree } from './tree.js';
import { type Act, BOX, CARD, exchange, forget, type Host, messageIn, note, type World, write } from './world.js';

const STATES = ['inbox', 'failed', 'complete'];
const NAMES = ['a', 'b', 'c'];

/** A step of a history: what, by which host, and three numbers that choose the rest. */
export type Step = [
  act: Act | 'exchange' | 'deliver name' | 'deliver id',
  host: number,
  a: number,
  b: number,
  c: number,
];

export function take(world: World, [act, index, a, b, c]: Step): void {
  const host = world.hosts[index % world.hosts.length] as Host;
  const at = index % world.hosts.length;
  if (act === 'exchange') exchange(world, at);
  else if (act === 'claim') claim(world, at, a, b % 2 === 0);
  else if (act === 'finish') finish(world, a, b);
  else if (act === 'edit') edit(world, host, a, b, c);
  else if (act === 'delete') remove(world, host, a);
  else if (act === 'move') move(world, host, a, b, c);
  else deliver(world, host, act, a, b);
}

function deliver(world: World, host: Host, act: string, a: number, b: number): void {
  let path = `${BOX}/inbox/${NAMES[a % NAMES.length]}.md`;
  let id = b % 3 === 0 ? undefined : `i${world.count}`;
  const before = world.happened.filter((one) => one.act === 'deliver' && (host.known & one.bit) === 0);
  const like = before[a % Math.max(before.length, 1)];
  if (act === 'deliver name' && like !== undefined) path = like.path;
  if (act === 'deliver id' && like?.id !== undefined) id = like.id;
  if (host.tree.has(path)) return;
  const token = write(world, 'd');
  const front = id === undefined ? '' : `---\nid: ${id}\npriority: normal\n---\n`;
  put(host, file(path, `${front}${token}\n1\n2\n3\n`));
  note(world, host, 'deliver', token, path, id);
}

function edit(world: World, host: Host, a: number, b: number, c: number): void {
  const old = pick(host.tree, a);
  if (old === undefined) return;
  const lines = textOf(old).split('\n');
  const token = write(world, 'e');
  const line = b % lines.length;
  const isKept = /^(---|id:.*|d\d+.*|)$/.test(lines[line] ?? '');
  if (lines[line]?.startsWith('priority:')) replace(world, lines, line, `priority: ${token}`);
  else if (c % 2 === 0 && !isKept) replace(world, lines, line, token);
  else lines.splice(Math.max(line, lines.lastIndexOf('---') + 1), 0, token);
  put(host, file(old.path, lines.join('\n')));
  note(world, host, 'edit', messageIn(old), old.path);
}

function replace(world: World, lines: string[], line: number, text: string): void {
  forget(world, lines[line] ?? '');
  lines[line] = text;
}

function remove(world: World, host: Host, a: number): void {
  const old = pick(host.tree, a);
  if (old === undefined) return;
  forget(world, textOf(old));
  host.tree = applyEdits(host.tree, new Map([[old.path, undefined]]));
  note(world, host, 'delete', messageIn(old), old.path);
}

function move(world: World, host: Host, a: number, b: number, c: number): void {
  const old = pick(host.tree, a);
  if (old === undefined || old.path === CARD) return;
  const { state = '', name } = locate(old.path);
  const mailbox = c % 4 === 0 ? 'mailboxes/other' : BOX;
  const to = STATES[b % STATES.length] ?? state;
  const month = c % 4 === 1 && to !== 'inbox' ? '2026-11/' : '';
  const path = `${mailbox}/${to}/${month}${name}`;
  if (host.tree.has(path)) return;
  host.tree = applyEdits(
    host.tree,
    new Map([
      [old.path, undefined],
      [path, { ...old, path }],
    ]),
  );
  note(world, host, isPersonsMove(old.path, path) ? 'move' : 'edit', messageIn(old), path);
  if (!isPersonsMove(old.path, path)) world.happened.pop();
}

function pick(tree: Tree, a: number): FileVersion | undefined {
  return [...tree.values()][a % Math.max(tree.size, 1)];
}

function put(host: Host, version: FileVersion): void {
  host.tree = applyEdits(host.tree, new Map([[version.path, version]]));
}
