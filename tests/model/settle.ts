/** What main comes to when everything heals: each done claim folded, each local change brought, in two orders. */
import { mergePerson } from './merge.js';
import { type State, treeOf, type World } from './state.js';
import { foldDone } from './steps/fold.js';
import { birthOf, copiesOf, isMinted, splitPath, type Tree } from './tree.js';

/** The settled tree, and one that was reached the other way round. */
export function settle(world: World, state: State): { tree: Tree; other: Tree } {
  const done = Object.values(state.remote.claims).map((id) => world.objects.claims.get(id));
  const locals = Object.values(state.hosts).flatMap(({ local }) =>
    local === null || local.tried.some((id) => world.objects.isAncestor(id, state.remote.main)) ? [] : [local],
  );
  const start = treeOf(world, state.remote.main);
  const bring = (tree: Tree, list: typeof locals): Tree =>
    list.reduce((all, { base, mine }) => mergePerson(all, base, mine, world.rules), tree);
  return {
    tree: bring(foldDone(world, start, done), locals),
    other: foldDone(world, bring(start, locals.toReversed()), done.toReversed()),
  };
}

/**
 * The tree without what may differ by order: the suffix of a name, what a person deleted, messages left out, a minted id,
 * and whether what waits does so in inbox or in in_progress.
 */
export function plain(tree: Tree, leftOut: readonly string[], gone: readonly string[]): string {
  const stays = (word: string): boolean => !gone.includes(word);
  const files = copiesOf(tree)
    .filter(({ file }) => !leftOut.includes(birthOf(file)))
    .map(({ path, file }) => {
      const { text, runs } = file;
      const id = isMinted(file) ? null : file.id;
      const { box, folder, name } = splitPath(path);
      const waits = folder === 'inbox' || folder === 'in_progress';
      return JSON.stringify([box, waits || folder, name.split('~')[0], id, text.filter(stays), runs.filter(stays)]);
    });
  return files.sort().join('\n');
}
