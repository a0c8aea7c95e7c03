/**
 * Hosts that exchange through one `main`, in memory. Each host has the tree it last saw (`base`) and its working tree.
 * Every text that anybody writes is a token of its own: `d…` a delivery, `e…` an edit, `r…` a result; so what is lost
 * can be named. A token leaves `kept` only when somebody replaces or deletes a text that he saw it in.
 */
import { type FileVersion, type RunRules } from '../../../src/core/merge.js';
import { file, isSameTree, mergeTrees, textOf, type Tree, treeOf } from './tree.js';

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
export const CARD = 'mailboxes/server/mailbox.yaml';

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

/** Every text in a tree. */
export function wordsOf(tree: Tree): string[] {
  return [...new Set([...tree.values()].flatMap((version) => tokensOf(textOf(version))))].toSorted();
}

/** One exchange: what the host changed comes to `main`, and the host has what `main` has then. True: something moved. */
export function exchange(world: World, index: number): boolean {
  const host = world.hosts[index] as Host;
  const { tree, kinds } = mergeTrees(host.base, host.tree, world.main, RULES);
  for (const kind of kinds) world.kinds.add(kind);
  if (kinds.length > 0) {
    const mirrored = mergeTrees(host.base, world.main, host.tree, RULES).tree;
    if (!isSameTree(mirrored, tree)) throw new Error('the merge the other way round is another');
    // After a push of unknown outcome a host may merge the same again. Nothing is lost; a second copy is rare.
    const again = mergeTrees(host.base, host.tree, tree, RULES).tree;
    if (!isSameTree(again, tree)) {
      world.kinds.add('another tree when merged twice');
      const lost = wordsOf(tree).filter((word) => !wordsOf(again).includes(word));
      if (lost.length > 0) throw new Error(`merged twice, ${lost.join(', ')} is lost`);
    }
  }
  const isQuiet = isSameTree(tree, world.main) && isSameTree(host.tree, tree);
  world.known |= host.known;
  world.main = tree;
  world.hosts[index] = { base: tree, tree, known: world.known };
  return !isQuiet;
}

/** A run is a result's token; what followed it in the record is appended. */
export const RULES: RunRules = {
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

export function messageIn(version: FileVersion): string {
  return tokensOf(textOf(version)).find((token) => token.startsWith('d')) ?? version.path;
}

export function write(world: World, kind: string): string {
  const token = `${kind}${world.count}`;
  world.count += 1;
  world.kept.add(token);
  return token;
}

export function forget(world: World, text: string): void {
  for (const token of tokensOf(text)) world.kept.delete(token);
}

export function note(
  world: World,
  host: { known: number },
  act: Act,
  message: string,
  path: string,
  id?: string,
): void {
  const bit = 2 ** world.happened.length;
  world.happened.push({ act, bit, known: host.known, message, path, id });
  host.known |= bit;
}
