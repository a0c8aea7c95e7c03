import { type FileVersion, locate, mergeFinish } from '../../../src/core/merge.js';
import { applyEdits, file, isSameTree, type Merged, textOf, type Tree } from './tree.js';
import { exchange, forget, type Host, messageIn, note, RULES, type World, write } from './world.js';

/** Wins a claim and looks again, as the protocol does; shown on `main` in the same push, or not. */
export function claim(world: World, index: number, a: number, isShown: boolean): void {
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
export function finish(world: World, a: number, b: number): void {
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
