/**
 * Hosts that exchange through one `main`, in memory. Each host has the tree it last saw (`base`) and its working tree.
 * Every text that anybody writes is a token of its own: `d…` a delivery, `e…` an edit, `r…` a result; so what is lost
 * can be named. A token leaves `kept` only when somebody replaces or deletes a text that he saw it in.
 */
import { type FileVersion, isPersonsMove, locate, mergeFinish, type RunRules } from '../../../src/core/merge.js';
import { applyEdits, file, isSameTree, type Merged, mergeTrees, textOf, type Tree, treeOf } from './tree.js';

export type Act = 'deliver' | 'edit' | 'delete' | 'move' | 'claim' | 'finish';

/** What happened to a message, and which events whoever did it knew of, as bits. */
export interface Happened {
  act: Act;
  bit: number;
  known: number;
  message: string;
  path: string;
  id?: string | undefined;
}

export interface Host {
  base: Tree;
  tree: Tree;
  known: number;
}

interface Claim {
  host: number;
  base: FileVersion;
  known: number;
}

export interface World {
  main: Tree;
  known: number;
  hosts: Host[];
  claims: Claim[];
  happened: Happened[];
  kept: Set<string>;
  kinds: Set<string>;
  count: number;
}

export const BOX = 'mailboxes/server';
const STATES = ['inbox', 'failed', 'complete'];
const NAMES = ['a', 'b', 'c'];
const CARD = 'mailboxes/server/mailbox.yaml';

export function createWorld(hosts: number): World {
  const main = treeOf({
    [CARD]: 'd0: card\nx: 1\ny: 2\nz: 3\n',
    [`${BOX}/inbox/first.md`]: '---\nid: first\npriority: normal\n---\nd1\n1\n2\n3\n',
    [`${BOX}/inbox/bare.md`]: 'd2\n1\n2\n3\n',
    [`${BOX}/complete/done.md`]: '---\nid: done\npriority: normal\n---\nd3\n1\n2\n3\n',
  });
  const host = (): Host => ({ base: main, tree: main, known: 0 });
  const kept = new Set(['d0', 'd1', 'd2', 'd3']);
  const world: World = {
    main,
    known: 0,
    hosts: Array.from({ length: hosts }, host),
    claims: [],
    happened: [],
    kept,
    kinds: new Set(),
    count: 4,
  };
  return world;
}

/** The same world, to go on from in another way. Trees are never changed in place. */
export function copyWorld(world: World): World {
  return { ...world, hosts: world.hosts.map((host) => ({ ...host })), kinds: new Set(world.kinds) };
}

export function tokensOf(text: string): string[] {
  return text.match(/\b[der]\d+\b/g) ?? [];
}

/** One exchange: what the host changed comes to `main`, and the host has what `main` has then. True: something moved. */
export function exchange(world: World, index: number): boolean {
  const host = world.hosts[index] as Host;
  const { tree, kinds } = mergeTrees(host.base, host.tree, world.main, RULES);
  for (const kind of kinds) world.kinds.add(kind);
  const isQuiet = isSameTree(tree, world.main) && isSameTree(host.tree, tree);
  world.known |= host.known;
  world.main = tree;
  world.hosts[index] = { base: tree, tree, known: world.known };
  return !isQuiet;
}

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
  // Edited as well, such a file has neither id, content nor mailbox in common with what it was.
  if (old.id === undefined && locate(old.path).mailbox !== locate(path).mailbox) world.kinds.add('bare reassigned');
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

/** Wins a claim and looks again, as the protocol does; shown on `main` in the same push, or not. */
function claim(world: World, index: number, a: number, isShown: boolean): void {
  exchange(world, index);
  const waiting = [...world.main.values()].filter(({ path, id }) => {
    const isClaimed = world.claims.some(({ base }) => base.path === path || (id !== undefined && base.id === id));
    return !isClaimed && /^(inbox|in_progress)$/.test(locate(path).state ?? '');
  });
  let base = waiting[a % Math.max(waiting.length, 1)];
  if (base === undefined) return;
  const token = messageIn(base);
  const path = base.path.replace(/\/inbox\//, '/in_progress/');
  if (isShown && (path === base.path || !world.main.has(path))) {
    const text = textOf(base);
    const shown = file(path, base.id === undefined ? `---\nid: m${token}\n---\n${text}` : text);
    world.main = applyEdits(
      world.main,
      new Map([
        [base.path, undefined],
        [path, shown],
      ]),
    );
    base = shown;
  }
  const host = { known: world.known } as Host;
  note(world, host, 'claim', token, base.path);
  world.known = host.known;
  world.claims = [...world.claims, { host: index, base, known: world.known }];
}

/** The oldest or newest claim ends: its record goes onto `main` by the table, and its holder has `main` then. */
function finish(world: World, a: number, b: number): void {
  const held = world.claims[a % Math.max(world.claims.length, 1)];
  if (held === undefined) return;
  world.claims = world.claims.filter((one) => one !== held);
  if (b % 2 === 0) exchange(world, held.host);
  const { base } = held;
  const token = write(world, 'r');
  const isDeleted = b % 7 === 0;
  if (isDeleted) {
    forget(world, textOf(base));
    world.kept.delete(token);
  }
  const state = b % 3 === 0 ? 'failed' : 'complete';
  const path = base.path.replace(/\/(inbox|in_progress)\//, `/${state}/`);
  const front = base.id === undefined ? `---\nid: m${messageIn(base)}\n---\n` : '';
  const result = isDeleted ? undefined : file(path, `${front}${textOf(base)}## Result\n${token}\n`);
  const once = applyFinish(world.main, base, result, token);
  world.main = once.tree;
  for (const kind of once.kinds) world.kinds.add(kind);
  if (result !== undefined) {
    const again = applyFinish(
      world.main,
      { ...base, ...(result.id === undefined ? {} : { id: result.id }) },
      result,
      token,
    );
    if (!isSameTree(again.tree, world.main)) throw new Error('a result that was merged twice changed the tree');
  }
  const host = { known: held.known } as Host;
  note(world, host, 'finish', messageIn(base), base.path);
  world.known |= host.known;
}

function applyFinish(main: Tree, base: FileVersion, result: FileVersion | undefined, token: string): Merged {
  const all = [...main.values()];
  const current =
    all.find(({ bytes }) => result !== undefined && Buffer.from(bytes).includes(`\n${token}\n`)) ??
    all.find(({ id, oid }) => base.id !== undefined && id === base.id && oid === base.oid) ??
    all.find(({ id }) => base.id !== undefined && id === base.id) ??
    (base.id === undefined ? all.find((one) => messageIn(one) === messageIn(base)) : undefined);
  const { edits, notes } = mergeFinish({
    base,
    result,
    current,
    has: (path) => main.has(path),
    ...RULES,
  });
  return { tree: applyEdits(main, edits), kinds: notes.map(({ kind }) => kind) };
}

/** A run is a result's token; what followed it in the record is appended. */
const RULES: RunRules = {
  isRun: (before, after) => runsIn(after).some((token) => !runsIn(before).includes(token)),
  followUp: (edited) => {
    const id = `f${edited.oid.slice(0, 12)}`;
    const text = textOf(edited).replace(/^---\n(id:.*\n)?/, '');
    return file(`${BOX}/inbox/${id}.md`, `---\nid: ${id}\n${text === textOf(edited) ? '---\n' : ''}${text}`);
  },
  appendRun: (now, result) => {
    const runs = runsIn(result).filter((token) => !runsIn(now).includes(token));
    // What else somebody wrote into the record comes along.
    const rest = tokensOf(textOf(result)).filter(
      (token) => !token.startsWith('r') && !tokensOf(textOf(now)).includes(token),
    );
    if (runs.length === 0) return now;
    return file(now.path, `${textOf(now)}\n## Result\n${[...runs, ...rest].join('\n')}\n`);
  },
};

function runsIn(version: FileVersion): string[] {
  return tokensOf(textOf(version)).filter((token) => token.startsWith('r'));
}

function pick(tree: Tree, a: number): FileVersion | undefined {
  return [...tree.values()][a % Math.max(tree.size, 1)];
}

function put(host: Host, version: FileVersion): void {
  host.tree = applyEdits(host.tree, new Map([[version.path, version]]));
}

function messageIn(version: FileVersion): string {
  return tokensOf(textOf(version)).find((token) => token.startsWith('d')) ?? version.path;
}

function write(world: World, kind: string): string {
  const token = `${kind}${world.count}`;
  world.count += 1;
  world.kept.add(token);
  return token;
}

function forget(world: World, text: string): void {
  for (const token of tokensOf(text)) world.kept.delete(token);
}

function note(world: World, host: { known: number }, act: Act, message: string, path: string, id?: string): void {
  const bit = 2 ** world.happened.length;
  world.happened.push({ act, bit, known: host.known, message, path, id });
  host.known |= bit;
}
