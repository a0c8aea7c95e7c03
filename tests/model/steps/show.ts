/** Showing a message in in_progress: what main then holds, and the part of the push that does it. */
import { hostOf, type State, treeOf, type Update, type World } from '../state.js';
import { type Copy, inFolder, put, remove } from '../tree.js';

export function shownCopy({ path, file }: Copy, epoch: number, id: string): Copy {
  return { path: inFolder(path, 'in_progress'), file: { ...file, id, epoch } };
}

export function showUpdate(world: World, state: State, name: string, now: Copy, shown: Copy): Update {
  const { main } = hostOf(state, name).picture;
  const tree = put(remove(treeOf(world, main), now.path), shown.path, shown.file, world.rules);
  return { ref: 'main', from: main, to: world.objects.commits.put({ parent: main, tree }) };
}
